import type { SimWorld } from "./contract.ts";

/** Somebody at the keyboard of an agent's terminal, at any moment. */
export function startPeople(world: SimWorld): void {
  for (const host of world.hosts.keys()) world.go(() => sit(world, host));
}

const deeds = ["draft", "erase", "submit", "scroll", "leaveHistory", "attach", "detach", "answer"] as const;

async function sit(world: SimWorld, host: string): Promise<void> {
  const stream = `person:${host}`;
  const { choices } = world;
  let attached: string | null = null;
  for (;;) {
    await world.sleep(choices.between(stream, 20, choices.one(stream, [300, 2_000, 10_000])));
    if (world.isCalm) return;
    const { scripted, places } = world.hostOf(host);
    const living = [...places].filter((id) => world.programIn(host, id) !== null);
    if (living.length === 0) continue;
    const id = choices.one(stream, living);
    const deed = choices.one(stream, deeds);
    world.note(world.people, `a person at ${id}: ${deed}`);
    world.touched(host, id);
    if (deed === "draft") scripted.personTypes(id, choices.one(stream, ["h", "hello", "y"]));
    if (deed === "answer") scripted.personTypes(id, "1");
    if (deed === "erase") scripted.personTypes(id, "\x7f".repeat(world.programIn(host, id)?.box.length ?? 0));
    if (deed === "submit") scripted.personTypes(id, "go on\r");
    if (deed === "scroll") scripted.personScrolls(id);
    if (deed === "leaveHistory") scripted.leaveHistory(id);
    if (deed === "attach" && attached === null) {
      scripted.personAttaches(id);
      attached = id;
    }
    if (deed === "detach" && attached !== null) {
      if (scripted.get(attached) !== null) scripted.personDetaches(attached);
      attached = null;
    }
  }
}
