import { seatPerson, type Person } from "./person.ts";
import { launchPlayer, registerPlayers, type Player } from "./players.ts";
import type { Scene } from "./scene.ts";

/** The main job as a play: nobody relays a message, and what may go wrong goes wrong once. */

export const players: readonly Player[] = [
  { agentId: "executioner", role: "executioner", to: "reviewer", thinkMs: 3_500 },
  { agentId: "reviewer", role: "reviewer", to: "executioner", thinkMs: 2_500 },
  { agentId: "scribe", role: "scribe", thinkMs: 1_500 },
];

/** Every post of the story in order: who wrote it, in answer to which message. */
export const expectedPosts = [
  "operator",
  "executioner to #1",
  "reviewer to #2",
  "executioner to #3",
  "reviewer to #4",
  "operator",
  "scribe to #6",
] as const;

const draft = "could you also look at";
const clearLine = "\u0015";
/** How long the person leaves their draft standing once it holds a wake up. */
const draftStandsMs = 3_000;

export async function playStory(scene: Scene): Promise<void> {
  await openThread(scene);
  await reviewBegins(scene);
  const person = await seatAtReviewer(scene);
  try {
    await Promise.all([person.type(draft), executionerDies(scene)]);
    await draftHoldsUp(scene, person);
  } finally {
    await person.leave();
  }
  await reviewEnds(scene);
  await minutesAreTaken(scene);
}

async function openThread(scene: Scene): Promise<void> {
  const { stage, chronicle, threadId } = scene;
  chronicle.say("demo", "registers executioner, reviewer and scribe, and launches the first two");
  await registerPlayers(stage, players);
  await launchPlayer(stage, "executioner");
  await launchPlayer(stage, "reviewer");
  const isIdle = (agent: string) => chronicle.livingRuntime(agent)?.state === "idle";
  await scene.until(
    "executioner and reviewer to sit idle",
    () => isIdle("executioner") && isIdle("reviewer"),
  );
  const participants = players.map(({ agentId }) => agentId);
  await stage.call("create_thread", { thread_id: threadId, title: "Check the parser's input", participants });
  chronicle.follow(threadId);
}

async function reviewBegins(scene: Scene): Promise<void> {
  const body = "Make parse() check its input, and have it reviewed.";
  await post(scene, { body, to: ["executioner"] });
  await scene.until("the executioner's work to be posted", () => scene.hasPost("executioner", 1));
  await scene.until("the reviewer's finding", () => scene.hasPost("reviewer", 2));
}

/** A real client on the reviewer's terminal. */
async function seatAtReviewer({ chronicle }: Scene): Promise<Person> {
  const runtime = chronicle.livingRuntime("reviewer");
  if (runtime === null) throw new Error("the reviewer has no terminal");
  const person = await seatPerson(runtime);
  chronicle.say("person", `attaches to the reviewer's terminal and types “${draft}”, without Enter`);
  return person;
}

async function executionerDies(scene: Scene): Promise<void> {
  const { chronicle } = scene;
  const isAtWork = () => chronicle.standing("executioner").attention === "awaitingAck";
  await scene.until("the executioner to be at work on the finding", isAtWork);
  const pid = chronicle.livingRuntime("executioner")?.pid ?? null;
  if (pid === null) throw new Error("the executioner has no process");
  chronicle.say("demo", `kills the executioner in the middle of its turn: kill -9 ${pid}`, "bad");
  process.kill(pid, "SIGKILL");
  await scene.until("the executioner to come back and fix", () => scene.hasPost("executioner", 3));
}

async function draftHoldsUp(scene: Scene, person: Person): Promise<void> {
  const { chronicle } = scene;
  const isDeferred = () => chronicle.standing("reviewer").attention === "deferred";
  await scene.until("the reviewer's wake to wait for the person", isDeferred);
  await scene.linger(draftStandsMs);
  if (!isDeferred() || scene.hasPost("reviewer", 4)) throw new Error("a wake went through beside a draft");
  chronicle.say("person", "clears the line and leaves");
  await person.type(clearLine);
}

async function reviewEnds(scene: Scene): Promise<void> {
  await scene.until("the reviewer's approval", () => scene.hasPost("reviewer", 4));
  await scene.until("both to have read everything", () => scene.haveRead("executioner", "reviewer"));
}

async function minutesAreTaken(scene: Scene): Promise<void> {
  const { stage, threadId } = scene;
  await post(scene, { body: "Please write the minutes.", kind: "question", to: ["scribe"] });
  await scene.until("the scribe's minutes", () => scene.hasPost("scribe", 6));
  await scene.until("everybody to have read them", () => scene.haveRead("executioner", "reviewer", "scribe"));
  await stage.call("update_thread_status", { thread_id: threadId, status: "resolved", reason: "approved" });
}

function post(
  { stage, threadId }: Scene,
  message: { body: string; kind?: string; to: string[] },
): Promise<object> {
  return stage.call("post_message", { thread_id: threadId, ...message });
}
