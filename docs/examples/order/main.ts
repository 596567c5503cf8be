import { createNode, implementPort } from "rouse";
import { chargeCard, order, shipParcel } from "./order.ts";

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1_000));
const say = (text: string) => process.stdout.write(`${text}\n`);

const ports = [
  implementPort(chargeCard, async ({ input, key, attempt }) => {
    say(`charging ${input.amount} for order ${input.orderId}, key ${key}, attempt ${attempt}`);
    await seconds(3); // kill -9 me now, and run me again
    return { receipt: `receipt of ${key}` };
  }),
  implementPort(shipParcel, ({ input }) => ({ tracking: `parcel-${input.orderId}` })),
];

await using node = await createNode({ actors: [order], ports, onProgress: say });
const mine = await node.ensure(order, "42", { orderId: "42", amount: 30 });
await mine.send({ type: "order.paid", amount: 30 });
const { value, context } = await mine.waitFor(({ status }) => status === "done");
say(`order 42 is ${value}: ${context.receipt}, ${context.tracking}`);
for await (const { seq, event, states } of mine.journal())
  say(`  ${seq}. ${event.type} → ${states.join(", ")}`);
