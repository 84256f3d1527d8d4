import { describe, expect, test } from "vitest";
import { VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { createScoreLedger, type LedgerWrite } from "../../../src/health/score-ledger.ts";
import { encodeTable } from "../../../src/health/table-codec.ts";
import { summaryOf } from "../../../src/health/table-hash.ts";
import { createTurns } from "../../../src/health/turns.ts";
import {
  createSwitchedBus,
  positionOf,
  publish,
  putOver,
  START_MS,
  sha256,
  tableEntry,
  tableOf,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

function setUp() {
  const world = createSwitchedBus();
  let now = 0;
  let yields = 0;
  const turns = createTurns({
    nowMs: () => (now += 8),
    async yieldTurn() {
      yields += 1;
    },
  });
  const { scores } = world.bus;
  return {
    ...world,
    scores,
    ledger: createScoreLedger({ scores, hash: sha256, turns }),
    yields: () => yields,
  };
}

function writeOf(table: ReturnType<typeof tableOf>): LedgerWrite {
  const { key, value } = tableEntry(table);
  const { model, position } = table;
  return { key, model, bytes: value, position, table: summaryOf(table, value, sha256) };
}

const always = () => true;

describe("createScoreLedger()", () => {
  test("loads what is stored, in turns", async () => {
    const { scores, ledger, yields } = setUp();
    const table = tableOf("m", positionOf(3));
    const gone = tableOf("gone", positionOf(2), []);
    await publish(scores, positionOf(3), [table, gone]);
    await putOver(scores, { key: "scores.rubbish", value: Uint8Array.of(255) });
    await ledger.load();
    expect(ledger.tables()).toEqual([{ model: "m", sha256: sha256([encodeTable(table)]) }]);
    expect(ledger.get(VERSION_KEY)).toMatchObject({ position: positionOf(3), table: undefined });
    expect(ledger.get("scores.gone")).toMatchObject({ position: positionOf(2), table: undefined });
    expect(ledger.get("scores.rubbish")).toMatchObject({ position: undefined, table: undefined });
    expect(yields()).toBe(4);
  });

  test("forgets what is not stored any more", async () => {
    const { bus } = setUp();
    const stored = [[{ ...tableEntry(tableOf("m", positionOf(1))), revision: 1 }], []];
    const ledger = createScoreLedger({
      hash: sha256,
      turns: createTurns({ nowMs: () => 0, yieldTurn: async () => undefined }),
      scores: { ...bus.scores, entries: async () => stored.shift() ?? [] },
    });
    await ledger.load();
    expect(ledger.tables()).toHaveLength(1);
    await ledger.load();
    expect(ledger.tables()).toEqual([]);
  });

  test("writes a new key and then over its own revision, without a conflict", async () => {
    const { scores, ledger } = setUp();
    const newer = writeOf(tableOf("m", positionOf(2)));
    await expect(ledger.write(writeOf(tableOf("m", positionOf(1))), always)).resolves.toBe(
      "written",
    );
    await expect(ledger.write(newer, always)).resolves.toBe("written");
    expect((await scores.get(newer.key))?.value).toEqual(newer.bytes);
    expect(ledger.conflicts()).toBe(0);
  });

  test("writes over what nobody can read", async () => {
    const { scores, ledger } = setUp();
    const write = writeOf(tableOf("m", positionOf(1)));
    await putOver(scores, { key: write.key, value: Uint8Array.of(255) });
    await expect(ledger.write(write, always)).resolves.toBe("written");
    expect(ledger.conflicts()).toBe(1);
  });

  test("a version that nobody can read is written over", async () => {
    const { scores, ledger } = setUp();
    await putOver(scores, { key: VERSION_KEY, value: Uint8Array.of(255) });
    await ledger.load();
    expect(ledger.get(VERSION_KEY)).toEqual({
      revision: 1,
      position: undefined,
      model: "",
      table: undefined,
    });
    const { key, value } = versionEntry(versionOf(positionOf(1), []));
    const write = { key, model: "", bytes: value, position: positionOf(1), table: undefined };
    await expect(ledger.write(write, always)).resolves.toBe("written");
  });

  test("an equal position is written already", async () => {
    const { scores, ledger } = setUp();
    const table = tableOf("m", positionOf(1));
    await putOver(scores, tableEntry(table));
    await expect(ledger.write(writeOf(table), always)).resolves.toBe("written");
    expect(await scores.get(tableEntry(table).key)).toMatchObject({ revision: 1 });
  });

  test("an older position is overwritten after a conflict", async () => {
    const { scores, ledger } = setUp();
    await putOver(scores, tableEntry(tableOf("m", positionOf(1))));
    const write = writeOf(tableOf("m", positionOf(2)));
    await expect(ledger.write(write, always)).resolves.toBe("written");
    expect((await scores.get(write.key))?.value).toEqual(write.bytes);
  });

  test("a key that somebody removed is not written before everything is read again", async () => {
    const { scores, ledger } = setUp();
    const gone = tableEntry(tableOf("m", positionOf(1), []));
    await putOver(scores, gone);
    await ledger.load();
    await scores.remove(gone.key, 1);
    const write = writeOf(tableOf("m", positionOf(2)));
    await expect(ledger.write(write, always)).resolves.toBe("outdated");
    await expect(scores.get(write.key)).resolves.toBeUndefined();
    expect(ledger.conflicts()).toBe(1);
    expect(ledger.ofModel("m")).toBeUndefined();
    await expect(ledger.write(write, always)).resolves.toBe("written");
  });

  test("knows what is stored of a model", async () => {
    const { scores, ledger } = setUp();
    await publish(scores, positionOf(3), [
      tableOf("m", positionOf(3)),
      tableOf("gone", positionOf(2), []),
    ]);
    await ledger.load();
    expect([...ledger.models()]).toEqual(["m", "gone"]);
    expect(ledger.ofModel("m")).toBe(ledger.get("scores.m"));
    expect(ledger.ofModel("gone")).toMatchObject({ table: undefined });
    expect(ledger.ofModel("other")).toBeUndefined();
  });

  describe("remove()", () => {
    const emptied = (name: string, asOfMs: number) => tableOf(name, positionOf(2, { asOfMs }), []);

    test("what was emptied before a time is listed by its own time, whoever wrote it", async () => {
      const { scores, ledger } = setUp();
      const full = tableOf("full", positionOf(1, { asOfMs: START_MS - 900 }));
      const tables = [emptied("old", START_MS - 501), emptied("new", START_MS - 500), full];
      await publish(scores, positionOf(3), tables);
      await putOver(scores, { key: "scores.rubbish", value: Uint8Array.of(255) });
      await ledger.load();
      expect(ledger.emptiedBefore(START_MS - 500)).toEqual(["scores.old"]);
    });

    test("removes a key and forgets it, so that it is written like a new one", async () => {
      const { scores, ledger } = setUp();
      await publish(scores, positionOf(3), [emptied("m", START_MS)]);
      await ledger.load();
      await expect(ledger.remove("scores.m", always)).resolves.toBe("written");
      await expect(scores.get("scores.m")).resolves.toBeUndefined();
      expect([...ledger.models()]).toEqual([]);
      const write = writeOf(tableOf("m", positionOf(4)));
      await expect(ledger.write(write, always)).resolves.toBe("written");
      expect(ledger.conflicts()).toBe(0);
    });

    test("asks before it removes", async () => {
      const { scores, ledger } = setUp();
      await publish(scores, positionOf(3), [emptied("m", START_MS)]);
      await ledger.load();
      await expect(ledger.remove("scores.m", () => false)).resolves.toBe("deposed");
      await expect(scores.get("scores.m")).resolves.toBeDefined();
    });

    test("what somebody wrote meanwhile stays, and is known from then on", async () => {
      const { scores, ledger } = setUp();
      await publish(scores, positionOf(3), [emptied("m", START_MS)]);
      await ledger.load();
      const back = tableOf("m", positionOf(5));
      await putOver(scores, tableEntry(back));
      await expect(ledger.remove("scores.m", always)).resolves.toBe("written");
      await expect(scores.get("scores.m")).resolves.toMatchObject(tableEntry(back));
      expect(ledger.tables()).toEqual([{ model: "m", sha256: sha256([encodeTable(back)]) }]);
      expect(ledger.conflicts()).toBe(1);
    });

    test("what is gone already is no conflict, and no key is unknown twice", async () => {
      const { scores, ledger } = setUp();
      await publish(scores, positionOf(3), [emptied("m", START_MS)]);
      await ledger.load();
      await scores.remove("scores.m", 1);
      await expect(ledger.remove("scores.m", always)).resolves.toBe("written");
      await expect(ledger.remove("scores.m", always)).resolves.toBe("written");
      expect([...ledger.models()]).toEqual([]);
      expect(ledger.conflicts()).toBe(0);
    });
  });

  test.each([
    { name: "a newer sequence", stored: positionOf(9), verdict: "outdated" },
    {
      name: "a newer algorithm",
      stored: positionOf(1, { algorithmVersion: 2 }),
      verdict: "superseded",
    },
    {
      name: "a newer stream",
      stored: positionOf(1, { streamEpoch: positionOf(1).streamEpoch + 1 }),
      verdict: "superseded",
    },
    {
      name: "an older stream that is minutes ahead",
      stored: positionOf(1, { streamEpoch: START_MS - 1, asOfMs: START_MS + 180_001 }),
      verdict: "outdated",
    },
  ])("$name is never overwritten: $verdict", async ({ stored, verdict }) => {
    const { scores, ledger } = setUp();
    const entry = tableEntry(tableOf("m", stored));
    await putOver(scores, entry);
    const write = writeOf(tableOf("m", positionOf(2)));
    await expect(ledger.write(write, always)).resolves.toBe(verdict);
    expect((await scores.get(entry.key))?.value).toEqual(entry.value);
  });

  test.each([
    { name: "algorithm", numbers: { algorithmVersion: 2 } },
    { name: "stream", numbers: { streamEpoch: START_MS + 1 } },
  ])("what a newer $name has abandoned is written over", async ({ numbers }) => {
    const { scores, ledger } = setUp();
    await putOver(scores, tableEntry(tableOf("m", positionOf(9, numbers))));
    const write = writeOf(tableOf("m", positionOf(2, { asOfMs: START_MS + 200_000 })));
    await expect(ledger.write(write, always)).resolves.toBe("written");
    expect((await scores.get(write.key))?.value).toEqual(write.bytes);
  });

  test("asks before it writes", async () => {
    const { scores, ledger } = setUp();
    const write = writeOf(tableOf("m", positionOf(2)));
    await expect(ledger.write(write, () => false)).resolves.toBe("deposed");
    await expect(scores.get(write.key)).resolves.toBeUndefined();
  });

  test("gives up when somebody writes all the time", async () => {
    const { bus } = setUp();
    const busy = createScoreLedger({
      hash: sha256,
      turns: createTurns({ nowMs: () => 0, yieldTurn: async () => undefined }),
      scores: { ...bus.scores, put: async () => undefined },
    });
    await expect(busy.write(writeOf(tableOf("m", positionOf(2))), always)).resolves.toBe(
      "outdated",
    );
    expect(busy.conflicts()).toBe(4);
  });
});
