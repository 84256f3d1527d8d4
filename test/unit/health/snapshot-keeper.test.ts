import { describe, expect, test } from "vitest";
import {
  loadScores,
  type SnapshotStore,
  type StoredSnapshot,
  saveScores,
} from "../../../src/health/snapshot-keeper.ts";
import { createTurns } from "../../../src/health/turns.ts";
import {
  createLogBook,
  positionOf,
  START_MS,
  tableEntry,
  tableOf,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

function setUp(snapshot?: StoredSnapshot) {
  const { log, lines } = createLogBook();
  const store: { snapshot: StoredSnapshot | undefined } = { snapshot };
  let yields = 0;
  let spent = 0;
  const stored: SnapshotStore = {
    load: async () => store.snapshot,
    async save(saved) {
      store.snapshot = saved;
    },
  };
  const turns = createTurns({
    nowMs: () => (spent += 8),
    async yieldTurn() {
      yields += 1;
    },
  });
  return { stored, turns, nowMs: () => START_MS, log, lines, yields: () => yields };
}

const tables = [tableOf("m", positionOf(1)), tableOf("n/o", positionOf(2))];
const version = versionOf(positionOf(2), tables);
const entries = [versionEntry(version), ...tables.map(tableEntry)];

describe("saveScores() and loadScores()", () => {
  test("what is saved is loaded, in turns", async () => {
    const ports = setUp();
    await saveScores({ version, tables, windowEndMs: START_MS - 5_000 }, ports);
    expect(ports.yields()).toBe(2);
    await expect(loadScores(ports)).resolves.toEqual({
      version,
      tables,
      windowEndMs: START_MS - 5_000,
    });
    expect(ports.yields()).toBe(5);
  });

  test("nothing is loaded when nothing is stored", async () => {
    const ports = setUp();
    await expect(loadScores(ports)).resolves.toBeUndefined();
    expect(ports.lines).toEqual([]);
  });

  test("a window that ends a little later than now ends now", async () => {
    const ports = setUp({ windowEndMs: START_MS + 60_000, entries });
    await expect(loadScores(ports)).resolves.toMatchObject({ windowEndMs: START_MS });
  });

  test.each([
    { name: "from the future", snapshot: { windowEndMs: START_MS + 60_001, entries } },
    {
      name: "that cannot be read",
      snapshot: {
        windowEndMs: START_MS,
        entries: [...entries, { key: "scores.x", value: Uint8Array.of(255) }],
      },
    },
  ])("scores $name are not used, and the log says so", async ({ snapshot }) => {
    const ports = setUp(snapshot);
    await expect(loadScores(ports)).resolves.toBeUndefined();
    expect(ports.lines.map(({ level }) => level)).toEqual(["warn"]);
  });

  test("tables without a version are not used", async () => {
    const ports = setUp({ windowEndMs: START_MS, entries: tables.map(tableEntry) });
    await expect(loadScores(ports)).resolves.toBeUndefined();
  });
});
