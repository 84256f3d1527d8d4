import type { NowMs, Random, Schedule } from "../domain/ports.ts";
import type { GcType } from "../metrics/create-metrics.ts";
import type { ExitCode, Output } from "./cli-world.ts";
import type { LoopWatch } from "./loop-watch.ts";
import type { ProcessWatch } from "./process-watch.ts";

/** What the long-running commands know of the process around them. */
export type ServerWorld = {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  /** Takes the log lines. */
  readonly stderr: Output;
  /**
   * The whole file. Rejects when it cannot be read. `-` is standard input, and the same bytes however
   * often it is asked for.
   */
  readFile(path: string): Promise<Uint8Array>;
  /**
   * Calls `listener` whenever the file may have changed, until the returned function is called: also
   * when another file takes its name, and several times for one change. Throws when it cannot watch.
   */
  watchFile(path: string, listener: () => void): () => void;
  /** Calls `listener` whenever the operator asks for a reload (SIGHUP). */
  onReload(listener: () => void): () => void;
  /** Calls `listener` whenever the process is asked to end (SIGTERM, Ctrl-C). */
  onStop(listener: () => void): () => void;
  setExitCode(code: ExitCode): void;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  /** A UUID of version 4. */
  readonly newId: () => string;
  /** Host name and process id: unique among the processes of a fleet, up to 64 characters. */
  readonly processName: string;
  /** Watches what the process uses, from now on; `onGarbage` is told of every collection. */
  watchProcess(onGarbage: (type: GcType, durationMs: number) => void): ProcessWatch;
  /** Watches what waits for the event loop, from now on. */
  watchLoop(nowMs: NowMs): LoopWatch;
};
