import { describe, expect, test } from "vitest";
import type { KeyValue } from "../../../src/domain/bus.ts";
import { MAX_VALUE_BYTES } from "../../../src/domain/bus-rules.ts";
import { scoreKeyOf, VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { createScoreLedger } from "../../../src/health/score-ledger.ts";
import {
  createScorePublisher,
  MAX_UNKNOWN_MODELS,
  type PublisherPorts,
} from "../../../src/health/score-publisher.ts";
import { decodeTable, decodeVersion } from "../../../src/health/table-codec.ts";
import { createTurns } from "../../../src/health/turns.ts";
import {
  createSwitchedBus,
  figuresOf,
  hashOf,
  positionOf,
  putOver,
  START_MS,
  sha256,
  tableEntry,
  tableOf,
  versionEntry,
  versionOf,
} from "./score-fixture.ts";

/** A fold that stands where it is told to. */
function createFold() {
  const fold = {
    sequence: 1,
    all: ["m", "n"] as readonly string[],
    asOfMs: START_MS,
    changed: new Set(["m", "n"]),
    endpoints: (model: string) => [figuresOf(`${model}-a`)],
    /** How often `readOn` is over before a table is complete. */
    parts: 0,
  };
  let partsLeft: number | undefined;
  return {
    fold,
    output: {
      position: () => positionOf(fold.sequence, { asOfMs: fold.asOfMs }),
      changedModels: () => [...fold.changed],
      models: () => fold.all,
      readOn(_: string, isOver: () => boolean) {
        partsLeft = (partsLeft ?? fold.parts + 1) - 1;
        const isDone = partsLeft === 0 || !isOver();
        partsLeft = isDone ? undefined : partsLeft;
        return isDone;
      },
      table(model: string) {
        fold.changed.delete(model);
        const position = positionOf(fold.sequence, { asOfMs: fold.asOfMs });
        return tableOf(model, position, fold.endpoints(model));
      },
    },
    advance(...changed: readonly string[]) {
      fold.sequence += 1;
      fold.changed = new Set([...fold.changed, ...changed]);
    },
  };
}

function setUp(
  wrap: (scores: KeyValue) => KeyValue = (scores) => scores,
  more: Pick<PublisherPorts, "isKnown" | "isKnownModel"> = {},
) {
  const world = createSwitchedBus();
  const { bus, log } = world;
  const steps: string[] = [];
  let now = 0;
  const pace = { stepMs: 0, onYield: () => {} };
  const turns = createTurns({
    nowMs: () => (now += pace.stepMs),
    async yieldTurn() {
      pace.onYield();
    },
  });
  const written: string[] = [];
  const scores = wrap({
    ...bus.scores,
    async put(key, value, revision) {
      const put = await bus.scores.put(key, value, revision);
      written.push(key);
      return put;
    },
  });
  const { fold, output, advance } = createFold();
  const publisher = createScorePublisher({
    fold: output,
    ledger: createScoreLedger({ scores, hash: sha256, turns }),
    hash: sha256,
    turns,
    publisher: "scorer-1",
    ...more,
    log,
    intake: {
      hold: () => steps.push("hold"),
      async release() {
        steps.push("release");
      },
    },
  });
  return { ...world, fold, advance, publisher, steps, written, pace, scores: bus.scores };
}

const always = () => true;

async function storedVersion(scores: KeyValue) {
  const entry = await scores.get(VERSION_KEY);
  return decodeVersion(entry?.value ?? new Uint8Array());
}

async function storedTable(scores: KeyValue, model: string) {
  const entry = await scores.get(scoreKeyOf(model));
  return decodeTable(entry?.value ?? new Uint8Array());
}

describe("createScorePublisher()", () => {
  test("writes every model and then the version", async () => {
    const { publisher, written, scores, steps } = setUp();
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(written).toEqual([scoreKeyOf("m"), scoreKeyOf("n"), VERSION_KEY]);
    const tables = ["m", "n"].map((model) => tableOf(model, positionOf(1)));
    await expect(storedVersion(scores)).resolves.toEqual(versionOf(positionOf(1), tables));
    expect(steps).toEqual(["hold", "release"]);
    expect(publisher.counts()).toEqual({
      published: 1,
      tablesWritten: 2,
      conflicts: 0,
      oversized: 0,
      unlisted: 0,
    });
  });

  test("writes what changed alone, and a version of what is stored", async () => {
    const { publisher, written, scores, advance } = setUp();
    await publisher.publish(always);
    written.length = 0;
    advance("n");
    await publisher.publish(always);
    expect(written).toEqual([scoreKeyOf("n"), VERSION_KEY]);
    const tables = [tableOf("m", positionOf(1)), tableOf("n", positionOf(2))];
    await expect(storedVersion(scores)).resolves.toMatchObject({
      position: positionOf(2),
      modelCount: 2,
      stateSha256: hashOf(tables),
    });
  });

  test("tells that time has passed although no model changed", async () => {
    const { publisher, written, advance } = setUp();
    await publisher.publish(always);
    written.length = 0;
    advance();
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(written).toEqual([VERSION_KEY]);
  });

  test("writes nothing while the stream stands still", async () => {
    const { publisher, written, steps } = setUp();
    await publisher.publish(always);
    written.length = 0;
    steps.length = 0;
    await expect(publisher.publish(always)).resolves.toBe("unchanged");
    expect(written).toEqual([]);
    expect(steps).toEqual([]);
  });

  test("empties the table of a model that is gone, once, and leaves it out of the hash", async () => {
    const { publisher, written, scores, fold, advance } = setUp();
    await publisher.publish(always);
    fold.all = ["n"];
    advance("m");
    written.length = 0;
    await publisher.publish(always);
    expect(written).toEqual([scoreKeyOf("m"), VERSION_KEY]);
    await expect(storedTable(scores, "m")).resolves.toMatchObject({
      position: positionOf(2),
      endpoints: [],
    });
    await expect(storedVersion(scores)).resolves.toMatchObject({
      modelCount: 1,
      stateSha256: hashOf([tableOf("n", positionOf(1))]),
    });
    advance();
    written.length = 0;
    await publisher.publish(always);
    expect(written).toEqual([VERSION_KEY]);
  });

  test("a model that came and went between two publications is never written", async () => {
    const { publisher, written, advance } = setUp();
    await publisher.publish(always);
    advance("brief");
    written.length = 0;
    await publisher.publish(always);
    expect(written).toEqual([VERSION_KEY]);
  });

  test("empties what an earlier publisher left of models that nobody knows", async () => {
    const { publisher, scores } = setUp();
    await putOver(scores, tableEntry(tableOf("old", positionOf(0))));
    await publisher.publish(always);
    await expect(storedTable(scores, "old")).resolves.toMatchObject({ endpoints: [] });
  });

  test("writes every model after it was told to forget", async () => {
    const { publisher, written, advance } = setUp();
    await publisher.publish(always);
    publisher.forget();
    advance();
    written.length = 0;
    await publisher.publish(always);
    expect(written).toEqual([scoreKeyOf("m"), scoreKeyOf("n"), VERSION_KEY]);
  });

  test("stops before it reads the fold when more is published already", async () => {
    const { publisher, written, scores, steps } = setUp();
    await putOver(scores, versionEntry(versionOf(positionOf(9), [])));
    await expect(publisher.publish(always)).resolves.toBe("outdated");
    expect(written).toEqual([]);
    expect(steps).toEqual([]);
  });

  test("a newer algorithm is not written over", async () => {
    const { publisher, scores } = setUp();
    const position = positionOf(0, { algorithmVersion: 2 });
    await putOver(scores, versionEntry(versionOf(position, [])));
    await expect(publisher.publish(always)).resolves.toBe("superseded");
  });

  test("a table that somebody else brought further ends the round without a version", async () => {
    const { publisher, written, scores } = setUp();
    await putOver(scores, tableEntry(tableOf("m", positionOf(9))));
    await expect(publisher.publish(always)).resolves.toBe("outdated");
    expect(written).not.toContain(VERSION_KEY);
    expect((await storedTable(scores, "m")) as object).toMatchObject({ position: positionOf(9) });
  });

  test("after a conflict everything is read and written again", async () => {
    const { publisher, written, scores, advance } = setUp();
    await publisher.publish(always);
    await putOver(scores, tableEntry(tableOf("n", positionOf(1))));
    advance("n");
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(publisher.counts().conflicts).toBe(1);
    written.length = 0;
    advance();
    await publisher.publish(always);
    expect(written).toEqual([scoreKeyOf("m"), scoreKeyOf("n"), VERSION_KEY]);
  });

  test("what could not be written is written the next time", async () => {
    const { publisher, written, advance, turn } = setUp();
    await publisher.publish(always);
    advance("m");
    turn(false);
    await expect(publisher.publish(always)).rejects.toThrow("off");
    turn(true);
    written.length = 0;
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(written).toContain(scoreKeyOf("m"));
    expect(written.at(-1)).toBe(VERSION_KEY);
  });

  test("stops in the middle of reading when it may not write any more", async () => {
    const { publisher, written, pace, steps } = setUp();
    let isLeader = true;
    pace.stepMs = 8;
    pace.onYield = () => {
      isLeader = false;
    };
    await expect(publisher.publish(() => isLeader)).resolves.toBe("deposed");
    expect(written).toEqual([]);
    expect(steps).toEqual(["hold", "release"]);
  });

  test("lets others have their turn while a model is read and while its bytes are made", async () => {
    const { publisher, pace, fold, scores, steps } = setUp();
    const many = Array.from({ length: 200 }, (_, index) =>
      figuresOf(`m-${String(index).padStart(3, "0")}`),
    );
    fold.endpoints = () => many;
    fold.parts = 3;
    pace.stepMs = 8;
    pace.onYield = () => steps.push("turn");
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(steps.indexOf("release")).toBeGreaterThan(2 * fold.parts);
    expect(steps.length - steps.indexOf("release")).toBeGreaterThan(2 * (many.length / 64));
    await expect(storedTable(scores, "m")).resolves.toMatchObject({ endpoints: many });
  });

  test("a table that no value can hold is left out and the rest is published", async () => {
    const { publisher, fold, lines, scores } = setUp();
    const reason = "x".repeat(200);
    const outside = { state: "up", reason, untilMs: positionOf(1).asOfMs } as const;
    const count = Math.ceil(MAX_VALUE_BYTES / reason.length);
    const many = Array.from({ length: count }, (_, index) =>
      figuresOf(`m-${String(index).padStart(6, "0")}`, { outside }),
    );
    fold.endpoints = (model) => (model === "m" ? many : [figuresOf("n-a")]);
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(publisher.counts()).toMatchObject({ oversized: 1, tablesWritten: 1, published: 1 });
    expect(lines).toMatchObject([{ level: "error", fields: { model: "m" } }]);
    await expect(storedVersion(scores)).resolves.toMatchObject({ modelCount: 1 });
  });

  test("a table that is too large by endpoints nobody knows is published without them", async () => {
    const { publisher, fold, scores } = setUp((same) => same, {
      isKnown: (endpoint) => ["m-a", "m-b", "n-a"].includes(endpoint),
    });
    const strangers = Array.from({ length: MAX_VALUE_BYTES / 256 }, (_, index) =>
      figuresOf(`m-${index}`.padEnd(256, "x")),
    );
    const known = [figuresOf("m-a"), figuresOf("m-b")];
    const unheardOf = figuresOf("n-z");
    fold.endpoints = (model) =>
      model === "m" ? [...known, ...strangers] : [figuresOf("n-a"), unheardOf];
    await expect(publisher.publish(always)).resolves.toBe("written");
    expect(publisher.counts()).toMatchObject({ oversized: 0, tablesWritten: 2, published: 1 });
    await expect(storedTable(scores, "m")).resolves.toMatchObject({ endpoints: known });
    await expect(storedTable(scores, "n")).resolves.toMatchObject({
      endpoints: [figuresOf("n-a"), unheardOf],
    });
    await expect(storedVersion(scores)).resolves.toMatchObject({ modelCount: 2 });
  });

  test("removes the key of a model that is gone ten minutes later, and makes it anew when it is back", async () => {
    const { publisher, scores, fold, advance } = setUp();
    await publisher.publish(always);
    fold.all = ["n"];
    advance("m");
    await publisher.publish(always);
    fold.asOfMs += 10 * 60_000;
    advance();
    await publisher.publish(always);
    await expect(scores.get(scoreKeyOf("m"))).resolves.toBeDefined();
    fold.asOfMs += 1;
    advance();
    await publisher.publish(always);
    await expect(scores.get(scoreKeyOf("m"))).resolves.toBeUndefined();
    fold.all = ["m", "n"];
    advance("m");
    await expect(publisher.publish(always)).resolves.toBe("written");
    await expect(storedTable(scores, "m")).resolves.toMatchObject({ endpoints: [{}] });
    expect(publisher.counts().conflicts).toBe(0);
  });

  test("keys outlive a round that was not brought to its end", async () => {
    const { publisher, scores, fold, advance } = setUp();
    fold.all = ["n"];
    const gone = tableOf("m", positionOf(0), []);
    await putOver(scores, tableEntry(gone));
    fold.asOfMs += 11 * 60_000;
    advance();
    let asked = 0;
    const mayWrite = () => {
      asked += 1;
      // Every read and the table, but not the version.
      return asked < 3;
    };
    await expect(publisher.publish(mayWrite)).resolves.toBe("deposed");
    await expect(scores.get(scoreKeyOf("m"))).resolves.toBeDefined();
  });

  test("has the fold forget models that are gone, whether or not they were ever written", async () => {
    const { publisher, fold, advance } = setUp();
    await publisher.publish(always);
    fold.all = ["n"];
    advance("m", "brief");
    await publisher.publish(always);
    expect([...fold.changed]).toEqual([]);
  });

  test("finds what another left behind within ten minutes, without writing all", async () => {
    const { publisher, written, scores, fold, advance } = setUp();
    await publisher.publish(always);
    await putOver(scores, tableEntry(tableOf("left", positionOf(1))));
    advance();
    written.length = 0;
    await publisher.publish(always);
    expect(written).toEqual([VERSION_KEY]);
    fold.asOfMs += 10 * 60_000;
    advance();
    await publisher.publish(always);
    expect(written).toEqual([VERSION_KEY, scoreKeyOf("left"), VERSION_KEY]);
    await expect(storedTable(scores, "left")).resolves.toMatchObject({ endpoints: [] });
  });

  describe("models that the catalogue does not have", () => {
    const strangers = Array.from({ length: MAX_UNKNOWN_MODELS + 2 }, (_, index) => `s-${index}`);
    const isKnownModel = (model: string) => !model.startsWith("s-");
    const keysOf = async (scores: KeyValue) =>
      new Set((await scores.entries()).map(({ key }) => key));

    test("have a bounded number of tables, and leave room for all that it has", async () => {
      const { publisher, fold, scores, advance, lines } = setUp((same) => same, { isKnownModel });
      fold.all = [...strangers, "m", "n"];
      fold.changed = new Set(fold.all);
      await expect(publisher.publish(always)).resolves.toBe("written");
      const keys = await keysOf(scores);
      expect(keys.size).toBe(MAX_UNKNOWN_MODELS + 3);
      expect(keys).toContain(scoreKeyOf("m"));
      expect(keys).toContain(scoreKeyOf("n"));
      expect(publisher.counts()).toMatchObject({ unlisted: 2 });
      await expect(storedVersion(scores)).resolves.toMatchObject({
        modelCount: MAX_UNKNOWN_MODELS + 2,
      });
      advance();
      await publisher.publish(always);
      expect(lines).toMatchObject([{ level: "warn", fields: { withoutScores: 2 } }]);
    });

    test("keep the table they have, and get one when the key of another is removed", async () => {
      const { publisher, fold, scores, advance } = setUp((same) => same, { isKnownModel });
      const [first = "", ...others] = strangers;
      const last = strangers.at(-1) ?? "";
      fold.all = strangers;
      fold.changed = new Set(strangers);
      await publisher.publish(always);
      fold.all = others;
      advance(first, "s-5");
      await publisher.publish(always);
      await expect(storedTable(scores, "s-5")).resolves.toMatchObject({ position: positionOf(2) });
      expect(publisher.counts()).toMatchObject({ unlisted: 2 });
      // The table of the one that is gone takes up its room for ten minutes.
      for (const passedMs of [10 * 60_000, 1, 1_000]) {
        fold.asOfMs += passedMs;
        advance();
        await publisher.publish(always);
      }
      const keys = await keysOf(scores);
      expect(keys).not.toContain(scoreKeyOf(first));
      expect(keys).not.toContain(scoreKeyOf(last));
      expect(keys.size).toBe(MAX_UNKNOWN_MODELS + 1);
      expect(publisher.counts()).toMatchObject({ unlisted: 1 });
    });
  });

  test("a version that is not written is not counted", async () => {
    let mayWrite = true;
    const { publisher } = setUp((scores) => ({
      ...scores,
      async put(key, value, revision) {
        mayWrite = false;
        return scores.put(key, value, revision);
      },
    }));
    await expect(publisher.publish(() => mayWrite)).resolves.toBe("deposed");
    expect(publisher.counts().published).toBe(0);
  });
});
