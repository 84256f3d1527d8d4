import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMemoryBus } from "../../../src/bus/memory-bus.ts";
import type { KeyValue, KeyValueEntry } from "../../../src/domain/bus.ts";
import type { ModelScoreTable, PublishedVersion } from "../../../src/domain/health.ts";
import { scoreKeyOf, VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { createGoneTables, EMPTY_TABLE_MS } from "../../../src/health/gone-tables.ts";
import { createPublishedScores, type EntryOrigin } from "../../../src/health/published-scores.ts";
import { createScoreLedger } from "../../../src/health/score-ledger.ts";
import { createScorePublisher, MAX_UNKNOWN_MODELS } from "../../../src/health/score-publisher.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import type { StoredSnapshot } from "../../../src/health/snapshot-keeper.ts";
import { decodeTable, decodeVersion } from "../../../src/health/table-codec.ts";
import { createTurns } from "../../../src/health/turns.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import {
  createSwitchedBus,
  figuresOf,
  hashOf,
  idOf,
  outgoing,
  positionOf,
  putOver,
  reportOf,
  START_MS,
  settle,
  sha256,
  tableEntry,
  tableOf,
} from "./score-fixture.ts";

const always = () => true;
const turns = createTurns({ nowMs: () => 0, yieldTurn: async () => undefined });
const MINUTE = 60_000;

async function keysOf(scores: KeyValue): Promise<readonly string[]> {
  return (await scores.entries()).map(({ key }) => key);
}

async function setUp(models: Readonly<Record<string, number>>) {
  const world = createSwitchedBus();
  const { scores } = world.bus;
  for (const [model, asOfMs] of Object.entries(models)) {
    await putOver(scores, tableEntry(tableOf(model, positionOf(1, { asOfMs }), [])));
  }
  const ledger = createScoreLedger({ scores, hash: sha256, turns });
  await ledger.load();
  return { ...world, scores, gone: createGoneTables({ ledger, turns, log: world.log }) };
}

describe("createGoneTables()", () => {
  test("removes the keys of tables that have been empty for ten minutes of the stream", async () => {
    const { scores, gone } = await setUp({ old: START_MS - 1, recent: START_MS });
    await putOver(scores, tableEntry(tableOf("full", positionOf(1, { asOfMs: 0 }))));
    await gone.remove(positionOf(9, { asOfMs: START_MS + EMPTY_TABLE_MS }), always);
    await expect(keysOf(scores)).resolves.toEqual([scoreKeyOf("recent"), scoreKeyOf("full")]);
  });

  test("removes nothing for whoever may not write", async () => {
    const { scores, gone } = await setUp({ old: START_MS - 1 });
    await gone.remove(positionOf(9, { asOfMs: START_MS + EMPTY_TABLE_MS }), () => false);
    await expect(keysOf(scores)).resolves.toHaveLength(1);
  });

  test("spends a bounded part of a round on it", async () => {
    const names = Array.from({ length: 600 }, (_, index) => [`m${index}`, START_MS - 1] as const);
    const { scores, gone } = await setUp(Object.fromEntries(names));
    const left: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      await gone.remove(positionOf(9, { asOfMs: START_MS + EMPTY_TABLE_MS }), always);
      left.push((await keysOf(scores)).length);
    }
    expect(left).toEqual([344, 88, 0]);
  });

  test("a table that cannot be changed costs a warning and no round for ten minutes", async () => {
    const { scores, gone, turn, lines } = await setUp({ old: START_MS - 1 });
    const at = (asOfMs: number) => positionOf(9, { asOfMs: START_MS + EMPTY_TABLE_MS + asOfMs });
    turn(false);
    await gone.remove(at(0), always);
    expect(lines).toMatchObject([{ level: "warn" }]);
    turn(true);
    await gone.remove(at(10 * MINUTE - 1), always);
    await expect(keysOf(scores)).resolves.toHaveLength(1);
    await gone.remove(at(10 * MINUTE), always);
    await expect(keysOf(scores)).resolves.toEqual([]);
    expect(lines).toHaveLength(1);
  });
});

/** What a stream amounts to after each of its reports: models, and which of their tables each has. */
type Moment = { readonly asOfMs: number; readonly models: ReadonlyMap<string, number> };

const MODELS = ["a", "b", "c", "d"];

/** Moments at the end in which nothing changes and everything ages. */
const QUIET = 4;

function momentsOf(steps: readonly { readonly gapMs: number; readonly bits: number }[]) {
  const moments: Moment[] = [{ asOfMs: START_MS, models: new Map() }];
  for (const { gapMs, bits } of steps) {
    const asOfMs = (moments.at(-1)?.asOfMs ?? 0) + gapMs;
    // Two bits of a model: 0 is none, the others are tables.
    const all = MODELS.map((model, index) => [model, (bits >> (2 * index)) & 3] as const);
    moments.push({ asOfMs, models: new Map(all.filter(([, content]) => content > 0)) });
  }
  return moments;
}

/** A fold that is as far as it is told to be. */
function createFold(moments: readonly Moment[]) {
  let at = 0;
  const changed = new Set<string>();
  const momentNow = () => moments[at] as Moment;
  const position = () => positionOf(at + 1, { asOfMs: momentNow().asOfMs });
  return {
    /** Not into the quiet at the end, unless it is `late`. */
    advance(late = false) {
      const before = momentNow();
      at = Math.min(at + 1, moments.length - (late ? 1 : 1 + QUIET));
      for (const model of MODELS) {
        if (before.models.get(model) !== momentNow().models.get(model)) {
          changed.add(model);
        }
      }
    },
    output: {
      position,
      changedModels: () => [...changed],
      models: () => [...momentNow().models.keys()],
      readOn: () => true,
      table(model: string) {
        changed.delete(model);
        const content = momentNow().models.get(model);
        const endpoints =
          content === undefined ? [] : [figuresOf(`${model}-a`, { successes: content })];
        return tableOf(model, position(), endpoints);
      },
    },
  };
}

/** Every call waits for its turn in `waiting`. */
function gated(scores: KeyValue, waiting: (() => void)[]): KeyValue {
  const turnOf = () => new Promise<void>((resolve) => waiting.push(resolve));
  return {
    ...scores,
    get: async (key) => turnOf().then(() => scores.get(key)),
    put: async (key, value, revision) => turnOf().then(() => scores.put(key, value, revision)),
    remove: async (key, revision) => turnOf().then(() => scores.remove(key, revision)),
    entries: async () => turnOf().then(() => scores.entries()),
  };
}

function createRunner(scores: KeyValue, moments: readonly Moment[], waiting: (() => void)[]) {
  const { advance, output } = createFold(moments);
  let isBusy = false;
  const publisher = createScorePublisher({
    fold: output,
    ledger: createScoreLedger({ scores: gated(scores, waiting), hash: sha256, turns }),
    hash: sha256,
    turns,
    publisher: "scorer-1",
    log: () => undefined,
    intake: { hold: () => undefined, release: async () => undefined },
  });
  return {
    // A fold stands still while it is read, which here takes no time.
    advance,
    isBusy: () => isBusy,
    publish(mayWrite: () => boolean = always) {
      if (!isBusy) {
        isBusy = true;
        void publisher.publish(mayWrite).finally(() => {
          isBusy = false;
        });
      }
    },
  };
}

type Runner = ReturnType<typeof createRunner>;

async function finish(runners: readonly Runner[], waiting: (() => void)[]): Promise<void> {
  await settle();
  while (runners.some(({ isBusy }) => isBusy())) {
    waiting.shift()?.();
    await settle();
  }
}

async function readAll(scores: KeyValue) {
  const entries = await scores.entries();
  const version = decodeVersion((await scores.get(VERSION_KEY))?.value ?? new Uint8Array());
  const tables = entries
    .filter(({ key }) => key !== VERSION_KEY)
    // Whoever has published has stored what can be read.
    .map(({ value }) => decodeTable(value) as ModelScoreTable);
  return { entries, tables, version: version as PublishedVersion };
}

const anyStep = fc.record({
  gapMs: fc.constantFrom(1_000, 4 * MINUTE, 11 * MINUTE),
  bits: fc.constantFrom(0, 1, 2, 4, 9, 16, 64, 255),
});
const anyAction = fc.record({
  who: fc.nat({ max: 1 }),
  what: fc.constantFrom(...(["publish", "advance", "answer", "answer", "answer"] as const)),
  times: fc.integer({ min: 1, max: 4 }),
  which: fc.nat({ max: 20 }),
});
const anyRun = fc.record({
  steps: fc.array(anyStep, { minLength: 1, maxLength: 20 }),
  actions: fc.array(anyAction, { minLength: 20, maxLength: 300 }),
});

/** Two publishers that both believe to lead, one table, and a reader of it. */
function createScene(moments: readonly Moment[]) {
  const memory = createMemoryBus({ ...createManualClock(), log: () => undefined }).scores;
  let removals = 0;
  const scores: KeyValue = {
    ...memory,
    async remove(key, revision) {
      const isRemoved = await memory.remove(key, revision);
      removals += isRemoved ? 1 : 0;
      return isRemoved;
    },
  };
  const waiting: (() => void)[] = [];
  const one = createRunner(scores, moments, waiting);
  const other = createRunner(scores, moments, waiting);
  const published = createPublishedScores({
    algorithmVersion: 1,
    hash: sha256,
    nowMs: () => START_MS,
    log: () => undefined,
  });
  const take = (entry: KeyValueEntry, origin: EntryOrigin) =>
    published.take({ entry, receivedAtMs: START_MS, live: false }, origin);
  scores.watch((entry) => void take(entry, "watched"));
  return { scores, waiting, one, other, published, take, removals: () => removals };
}

type ActionOf<T> = T extends fc.Arbitrary<infer A> ? A : never;
type Scene = ReturnType<typeof createScene>;

async function act(
  { one, other, waiting }: Scene,
  action: ActionOf<typeof anyAction>,
): Promise<void> {
  const { who, what, times, which } = action;
  const runner = who === 0 ? one : other;
  for (let time = 0; time < times; time += 1) {
    if (what === "answer") {
      waiting.splice(which % Math.max(1, waiting.length), 1)[0]?.();
    } else {
      runner[what]();
    }
    await settle();
  }
}

describe("two that both believe to lead", () => {
  test("leave what one of them makes good, and hashes that are those of what is stored", async () => {
    let removals = 0;
    await fc.assert(
      fc.asyncProperty(anyRun, async ({ steps, actions }) => {
        const last = { gapMs: 11 * MINUTE, bits: steps.at(-1)?.bits ?? 0 };
        const moments = momentsOf([...steps, ...Array.from({ length: QUIET }, () => last)]);
        const scene = createScene(moments);
        for (const action of actions) {
          await act(scene, action);
        }
        await finish([scene.one, scene.other], scene.waiting);
        for (let round = 0; round < moments.length + 4; round += 1) {
          scene.one.advance(true);
          scene.one.publish();
          await finish([scene.one], scene.waiting);
        }
        removals += scene.removals();
        const { entries, tables, version } = await readAll(scene.scores);
        const expected = [...(moments.at(-1)?.models.keys() ?? [])];
        // None without endpoints is left either.
        expect(tables.map(({ model }) => model).sort()).toEqual(expected.sort());
        expect(version.stateSha256).toEqual(hashOf(tables));
        // A reader that watched, and reads all once if that was not enough, has the same.
        for (const entry of entries) {
          scene.take(entry, "read");
        }
        scene.published.retain(new Set(entries.map(({ key }) => key)), version.position);
        expect(scene.published.agrees()).toBe(true);
      }),
      { seed: 11, numRuns: 200 },
    );
    expect(removals).toBeGreaterThan(100);
  });
});

/** A scorer and a router on one bus. Of models the catalogue has `m` alone. */
function startFleet() {
  const clock = createManualClock();
  const saved: StoredSnapshot[] = [];
  const world = {
    ...clock,
    random: () => 0.5,
    log: () => undefined,
    hash: sha256,
    yieldTurn: async () => undefined,
  };
  const bus = createMemoryBus(world);
  const fold = createHealthFold({ hash: sha256 });
  const scorer = startScorer({
    ...world,
    bus,
    fold,
    name: "scorer-1",
    boot: 1n,
    isKnownModel: (model) => model === "m",
  });
  const reader = startScoreReader({
    ...world,
    bus,
    algorithmVersion: ALGORITHM_VERSION,
    stored: {
      load: async () => undefined,
      async save(snapshot) {
        saved.splice(0, 1, snapshot);
      },
    },
  });
  let sequence = 0;
  return {
    clock,
    bus,
    fold,
    scorer,
    reader,
    saved,
    tell(endpoint: string, model: string) {
      sequence += 1;
      const observedAtMs = clock.nowMs();
      const report = reportOf(sequence, { endpoint: idOf(endpoint), model, observedAtMs });
      return bus.reports.publish(outgoing(report));
    },
    keys: async () => (await bus.scores.entries()).map(({ key }) => key),
  };
}

const KEYS_OF_M = [expect.stringMatching(/^scores\.m$/), VERSION_KEY];

describe("a producer that names another model in each report of its one endpoint", () => {
  test("fills neither the table of scores nor anybody's memory, and is forgotten when it ends", async () => {
    const { clock, fold, reader, saved, tell, keys, scorer } = startFleet();
    await clock.advance(15_000);
    for (let second = 0; second < 1_500; second += 1) {
      await tell("flooding", `junk-${second}-`.padEnd(250, "x"));
      await tell("honest", "m");
      await clock.advance(1_100);
    }
    expect((await keys()).length).toBeLessThan(620);
    expect(fold.changedModels().length).toBeLessThanOrEqual(2);
    expect(reader.tables().length).toBeLessThanOrEqual(2);
    expect(reader.status()).toMatchObject({ verified: true, repairs: 0 });
    expect(saved[0]?.entries.length).toBeLessThanOrEqual(3);
    expect(reader.latest().scores.has(idOf("honest"))).toBe(true);
    for (let minute = 0; minute < 45; minute += 1) {
      await tell("honest", "m");
      await clock.advance(60_000);
    }
    expect((await keys()).toSorted()).toEqual(KEYS_OF_M);
    expect(fold.models()).toEqual(["m"]);
    expect(scorer.status()).toMatchObject({ unlisted: 0, conflicts: 0 });
    await reader.close();
    await scorer.close();
  });
});

describe("many producers of unknown models", () => {
  test("get a bounded number of tables, and endpoints of the catalogue keep theirs", async () => {
    const { clock, reader, tell, keys, scorer } = startFleet();
    await clock.advance(15_000);
    const count = MAX_UNKNOWN_MODELS + 100;
    for (let index = 0; index < count; index += 1) {
      await tell(`e-${index}`, `unknown-${index}`);
    }
    await tell("honest", "m");
    for (let second = 0; second < 10; second += 1) {
      await clock.advance(1_000);
      await settle();
    }
    expect(await keys()).toHaveLength(MAX_UNKNOWN_MODELS + 2);
    expect(scorer.status()).toMatchObject({ unlisted: 100 });
    expect(reader.latest().scores.has(idOf("honest"))).toBe(true);
    expect(reader.status().verified).toBe(true);
    await reader.close();
    await scorer.close();
  });
});
