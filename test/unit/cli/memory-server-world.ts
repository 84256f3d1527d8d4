import { readFile } from "node:fs/promises";
import { watchProcess } from "../../../src/cli/process-watch.ts";
import type { ServerWorld } from "../../../src/cli/server-world.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";

export type MemoryServerWorld = {
  readonly world: ServerWorld;
  readonly clock: ManualClock;
  write(path: string, content: string): void;
  /** As the system tells of a file that may have changed. */
  changed(path: string): void;
  /** As SIGHUP. */
  askReload(): void;
  /** Who still listens, and the files that are watched. */
  listening(): {
    readonly stop: number;
    readonly reload: number;
    readonly files: readonly string[];
  };
};

type Listener = () => void;

/** A world without a process: relative paths are files of memory, behind them are those of the system. */
export function createServerWorld(initial: Readonly<Record<string, string>>): MemoryServerWorld {
  const files = new Map(Object.entries(initial));
  const clock = createManualClock();
  const stops = new Set<Listener>();
  const reloads = new Set<Listener>();
  const watches = new Set<{ readonly path: string; readonly listener: Listener }>();
  const add = <T>(set: Set<T>, item: T) => {
    set.add(item);
    return () => {
      set.delete(item);
    };
  };
  const output = { write: () => undefined, isTerminal: false, columns: undefined };
  const world: ServerWorld = {
    version: "0.0.0",
    env: {},
    stdout: output,
    stderr: output,
    async readFile(path) {
      const content = files.get(path);
      if (content === undefined && !path.startsWith("/")) {
        throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      }
      return content === undefined ? await readFile(path) : Buffer.from(content);
    },
    watchFile: (path, listener) => add(watches, { path, listener }),
    onReload: (listener) => add(reloads, listener),
    onStop: (listener) => add(stops, listener),
    setExitCode: () => undefined,
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    random: () => 0.5,
    newId: () => "00000000-0000-4000-8000-000000000000",
    processName: "test:1",
    watchProcess,
    watchLoop: () => ({ arrivedMs: (atMs) => atMs, stop: () => undefined }),
  };
  return {
    world,
    clock,
    write: (path, content) => files.set(path, content),
    changed(path) {
      for (const watch of [...watches].filter((candidate) => candidate.path === path)) {
        watch.listener();
      }
    },
    askReload() {
      for (const listener of [...reloads]) {
        listener();
      }
    },
    listening: () => ({
      stop: stops.size,
      reload: reloads.size,
      files: [...watches].map(({ path }) => path),
    }),
  };
}
