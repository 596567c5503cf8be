import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { implementPort, refusal } from "rouse";
import { createTestNode, gapsOf, pathsOf } from "rouse/testing";
import { chargeCard, order, shipParcel } from "./order.ts";

describe("the chart of an order, along every transition", () => {
  for (const path of pathsOf(order)) it(path.name, () => path.run());

  it("leaves nothing out", () => {
    assert.deepEqual(gapsOf(order), { transitions: [], states: [], refusals: [] });
  });
});

describe("an order", () => {
  const ship = implementPort(shipParcel, () => ({ tracking: "p-1" }));

  it("is cancelled a quarter of an hour later when nobody pays", async () => {
    const ports = [implementPort(chargeCard, () => ({ receipt: "r-1" })), ship];
    await using node = await createTestNode({ actors: [order], ports });
    const mine = await node.create(order, "1", { orderId: "1", amount: 30 });
    await node.advance(15 * 60_000);
    const { value, context } = await mine.waitFor(({ status }) => status === "done");
    assert.equal(value, "cancelled");
    assert.equal(context.problem, "not paid in time");
  });

  it("is cancelled when the card is declined, without another try", async () => {
    let tries = 0;
    const declined = implementPort(chargeCard, () => {
      tries += 1;
      throw refusal("the card was declined");
    });
    await using node = await createTestNode({ actors: [order], ports: [declined, ship] });
    const mine = await node.create(order, "1", { orderId: "1", amount: 30 });
    await mine.send({ type: "order.paid", amount: 30 });
    const { context } = await mine.waitFor(({ status }) => status === "done");
    assert.equal(context.problem, "the card was declined");
    assert.equal(tries, 1);
  });
});
