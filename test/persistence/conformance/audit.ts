import { describe, expect, test } from "vitest";

import { chainStart, checkLinks } from "../../../runtime/audit-chain.ts";
import type { NewAuditEntry } from "../../../runtime/domain.ts";
import type { Store } from "../../../runtime/store.ts";
import { newSubject, type OpenStore } from "./subject.ts";

export function auditEntry(given: Partial<NewAuditEntry> = {}): NewAuditEntry {
  return {
    actor: "ann",
    role: "operator",
    operation: "post_message",
    subject: "thread/th-1",
    outcome: "done",
    code: null,
    reason: null,
    details: { kind: "finding", "9": 1, "10": 2 },
    changes: [{ of: "thread/th-1 head_seq", before: 0, after: 1 }],
    requestId: null,
    ...given,
  };
}

export async function append(store: Store, ...given: Partial<NewAuditEntry>[]): Promise<void> {
  for (const each of given) await store.transaction((tx) => tx.appendAudit(auditEntry(each)));
}

const start = (store: Store) => chainStart(store.workspaceId);
const links = (store: Store) => store.listAuditLinks({ afterSeq: 0, limit: 99 });

export function auditConforms(open: OpenStore): void {
  describe("audit", () => {
    test("rows are listed newest first, in pages, with what they hold", async () => {
      const { store, clock } = newSubject(open);
      const refusal = { outcome: "refused", code: "forbidden", reason: "no", requestId: "r-1" } as const;
      await append(store, { subject: "one" }, { subject: "two", ...refusal }, { subject: "three" });
      const first = await store.listAudit({ limit: 2 });
      expect(first.rows).toEqual([
        { ...auditEntry({ subject: "three" }), at: clock.time, auditId: expect.any(String), seal: null },
        {
          ...auditEntry({ subject: "two", ...refusal }),
          at: clock.time,
          auditId: expect.any(String),
          seal: null,
        },
      ]);
      const second = await store.listAudit({ limit: 2, after: first.next ?? "" });
      expect(second).toMatchObject({ rows: [{ subject: "one" }], next: null });
      const id = second.rows[0]?.auditId ?? "";
      expect(await store.getAudit(id)).toEqual(second.rows[0]);
      for (const none of ["999999", "x", ""]) expect(await store.getAudit(none)).toBeNull();
    });

    test("rows are found by actor, operation, subject, outcome, code, request and time", async () => {
      const { store, clock } = newSubject(open);
      await append(store, { actor: "bob" }, { operation: "ack_read" }, { subject: "thread/th-2" });
      clock.advance(1_000);
      await append(store, { outcome: "refused", code: "forbidden" }, { requestId: "r-7" });
      const count = async (query: object) => (await store.listAudit({ limit: 9, ...query })).rows.length;
      expect(await count({})).toBe(5);
      expect(await count({ actor: "bob" })).toBe(1);
      expect(await count({ operation: "ack_read" })).toBe(1);
      expect(await count({ subject: "thread/th-2" })).toBe(1);
      expect(await count({ outcome: "refused" })).toBe(1);
      expect(await count({ code: "forbidden" })).toBe(1);
      expect(await count({ code: "forbidden", actor: "bob" })).toBe(0);
      expect(await count({ requestId: "r-7" })).toBe(1);
      expect(await count({ since: clock.time })).toBe(2);
      expect(await count({ until: clock.time })).toBe(3);
      expect(await count({ since: clock.time - 1_000, until: clock.time + 1 })).toBe(5);
    });

    test("sealing chains what was committed, in batches, each row once", async () => {
      const { store, clock } = newSubject(open);
      expect(await store.getAuditHead()).toEqual({
        ...{ ...start(store), sealedAt: null },
        ...{ unsealed: 0, oldestUnsealedAt: null },
      });
      await append(store, {}, {}, {});
      const appendedAt = clock.time;
      clock.advance(10);
      expect(await store.getAuditHead()).toMatchObject({ seq: 0, unsealed: 3, oldestUnsealedAt: appendedAt });
      expect(await store.sealAudit({ limit: 2 })).toBe(2);
      expect(await store.sealAudit({ limit: 2, sweep: true })).toBe(1);
      expect(await store.sealAudit({ limit: 2 })).toBe(0);
      const found = await links(store);
      expect(found.map(({ seq }) => seq)).toEqual([1, 2, 3]);
      const { end, problems } = checkLinks(start(store), found);
      expect(problems).toEqual([]);
      expect(await store.getAuditHead()).toEqual({
        ...{ ...end, sealedAt: clock.time },
        ...{ unsealed: 0, oldestUnsealedAt: null },
      });
      expect(await store.listStrayAudit({ scan: 9 })).toEqual({ rows: [], next: null });
    });

    test("the chain is listed in its own order, in pages, each row with the hash before it", async () => {
      const { store } = newSubject(open);
      await append(store, { subject: "one" }, { subject: "two" });
      await store.sealAudit({ limit: 9 });
      await append(store, { subject: "three" });
      const first = await store.listAudit({ order: "chain", limit: 1 });
      expect(first.rows[0]).toMatchObject({ subject: "one", seal: { previousHash: start(store).hash } });
      const second = await store.listAudit({ order: "chain", limit: 1, after: first.next ?? "" });
      const previousHash = first.rows[0]?.seal?.hash;
      expect(second).toMatchObject({
        rows: [{ subject: "two", seal: { seq: 2, previousHash } }],
        next: null,
      });
      const [newest, before] = (await store.listAudit({ limit: 2 })).rows;
      expect(newest).toMatchObject({ subject: "three", seal: null });
      expect(before).toEqual(second.rows[0]);
    });

    test("what was rolled back is in no chain, and each workspace has its own", async () => {
      const { store, neighbour } = newSubject(open);
      const failing = store.transaction(async (tx) => {
        await tx.appendAudit(auditEntry());
        throw new Error("planted");
      });
      await expect(failing).rejects.toThrow("planted");
      await append(neighbour, {}, {});
      expect(await store.sealAudit({ limit: 9 })).toBe(0);
      expect(await neighbour.sealAudit({ limit: 9 })).toBe(2);
      expect(await links(store)).toEqual([]);
      expect((await store.listAudit({ limit: 9 })).rows).toEqual([]);
      expect(checkLinks(start(store), await links(neighbour)).problems).not.toEqual([]);
    });

    test("sealers at once seal each row once", async () => {
      const { store } = newSubject(open);
      await append(store, ...Array.from({ length: 12 }, (_, index) => ({ subject: `s-${index}` })));
      const seal = async () => {
        for (let round = 0; round < 6; round += 1) await store.sealAudit({ limit: 3 });
      };
      await Promise.all([seal(), seal(), seal(), append(store, {}, {}, {})]);
      while ((await store.sealAudit({ limit: 3 })) > 0);
      const found = await links(store);
      expect(found).toHaveLength(15);
      expect(checkLinks(start(store), found).problems).toEqual([]);
    });

    test("a store has no way to change or remove a row", async () => {
      const { store } = newSubject(open);
      const methods = await store.transaction(async (tx) => [...Object.keys(tx), ...Object.keys(store)]);
      const ofAudit = methods.filter((name) => /audit/i.test(name)).toSorted();
      expect(ofAudit).toEqual([
        ...["appendAudit", "getAudit", "getAuditHead", "listAudit"],
        ...["listAuditLinks", "listStrayAudit", "sealAudit"],
      ]);
    });
  });
}
