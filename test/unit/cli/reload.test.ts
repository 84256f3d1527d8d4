import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type SettingsWatcher, watchSettings } from "../../../src/cli/reload.ts";
import {
  createServingSource,
  type Serving,
  type ServingSource,
} from "../../../src/cli/serving-state.ts";
import { loadSettings, type Settings } from "../../../src/cli/settings.ts";
import { createServerWorld, type MemoryServerWorld } from "./memory-server-world.ts";

const FILE = "atlas.yaml";
const GOOD = "simulator: { mode: off }\n";
const SETTLE_MS = 100;

let outside: MemoryServerWorld;
let source: ServingSource;
let watcher: SettingsWatcher;
let swapped: Serving[];
let logged: { readonly level: string; readonly message: string; readonly fields: unknown }[];
/** Told of every line of the log. */
let onLine: () => void;
/** Called when settings are being prepared, which goes on once it resolves. */
let hold: () => Promise<void>;

beforeEach(async () => {
  outside = createServerWorld({ [FILE]: GOOD });
  const { world } = outside;
  const loaded = await loadSettings(FILE, world);
  if (!loaded.ok) {
    throw new Error("the settings of the tests have problems");
  }
  source = createServingSource(loaded.settings.config.simulator, world.env);
  let serving = await source.prepare(loaded.settings);
  swapped = [];
  logged = [];
  onLine = () => undefined;
  hold = () => Promise.resolve();
  watcher = watchSettings({
    configFile: FILE,
    world,
    log(level, message, fields) {
      logged.push({ level, message, fields });
      onLine();
    },
    initial: loaded.settings,
    complete: (fresh: Settings) => fresh,
    async prepare(settings) {
      await hold();
      return source.prepare(settings);
    },
    current: () => serving,
    swap(next) {
      serving = next;
      swapped.push(next);
    },
  });
});

afterEach(async () => {
  await watcher.stop();
  await source.close();
});

/** Resolves when the log has a line more. */
async function nextLine(act: () => void | Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  onLine = resolve;
  await act();
  await promise;
}

async function save(text: string): Promise<void> {
  outside.write(FILE, text);
  outside.changed(FILE);
  await outside.clock.advance(SETTLE_MS);
}

/** Asks for a reload, and resolves when it is under way with what lets it go on. */
async function reloadInside(): Promise<{ resolve(): void }> {
  const entered = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  hold = () => {
    entered.resolve();
    return gate.promise;
  };
  outside.askReload();
  await entered.promise;
  return gate;
}

describe("watchSettings()", () => {
  test("notices a good file after a bad one", async () => {
    await nextLine(() => save("nonsense: 1\n"));
    expect(logged.at(-1)?.level).toBe("error");
    expect(swapped).toEqual([]);
    await nextLine(() => save(`${GOOD}retry: { maxAttempts: 2 }\n`));
    expect(swapped.map(({ config }) => config.retry.maxAttempts)).toEqual([2]);
  });

  test("watches a catalogue file that has a problem when it is named first", async () => {
    await nextLine(() => save(`${GOOD}catalog: { files: [/nowhere/models.yaml] }\n`));
    await nextLine(outside.askReload);
    expect(outside.listening().files).toEqual([FILE, "/nowhere/models.yaml"]);
  });

  test("takes several changes at once for one", async () => {
    outside.changed(FILE);
    await outside.clock.advance(SETTLE_MS - 1);
    await nextLine(() => save(`${GOOD}retry: { maxAttempts: 1 }\n`));
    await watcher.stop();
    expect(swapped).toHaveLength(1);
  });

  const restartsAsked = () =>
    logged.filter(({ message }) => message.includes("restart")).map(({ fields }) => fields);

  test("says at every reload what needs a restart, until it is as the process started", async () => {
    await nextLine(() => save(`${GOOD}stream: { heartbeatMs: 1000 }\n`));
    await nextLine(() => save(`${GOOD}stream: { heartbeatMs: 2000 }\n`));
    await nextLine(() => save(`${GOOD}stream: { heartbeatMs: 2000 }\nretry: { maxAttempts: 1 }\n`));
    const heartbeat = { keys: ["stream.heartbeatMs"] };
    expect(restartsAsked()).toEqual([heartbeat, heartbeat, heartbeat]);
    await nextLine(() => save(GOOD));
    expect(restartsAsked()).toHaveLength(3);
  });

  test("loses no change that comes while it reloads", async () => {
    const gate = await reloadInside();
    outside.write(FILE, `${GOOD}retry: { maxAttempts: 1 }\n`);
    outside.changed(FILE);
    await nextLine(gate.resolve);
    await nextLine(() => outside.clock.advance(SETTLE_MS));
    expect(swapped.at(-1)?.config.retry.maxAttempts).toBe(1);
  });

  test("swaps nothing once it was stopped, and waits for the reload that runs", async () => {
    const gate = await reloadInside();
    let ended = false;
    const stopped = watcher.stop().then(() => {
      ended = true;
    });
    await outside.clock.advance(0);
    expect(ended).toBe(false);
    gate.resolve();
    await stopped;
    expect(swapped).toEqual([]);
    expect(logged).toEqual([]);
  });

  test("leaves no watch and no timer behind", async () => {
    outside.changed(FILE);
    await watcher.stop();
    expect(outside.listening()).toEqual({ stop: 0, reload: 0, files: [] });
    expect(outside.clock.pending()).toBe(0);
  });
});
