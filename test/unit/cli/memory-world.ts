import type { CliWorld, Output } from "../../../src/cli/cli-world.ts";
import type { ServeOptions, SimulateOptions } from "../../../src/cli/server-options.ts";

export type MemoryWorld = CliWorld & {
  /** Everything written so far. */
  out(): string;
  err(): string;
  /** 0 unless a command has set another. */
  exitCode(): number;
  /** What Ctrl-C does. */
  interrupt(): void;
  readonly served: ServeOptions[];
  readonly simulated: SimulateOptions[];
};

export type MemoryWorldOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** Contents by path; `-` is standard input. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly isTerminal?: boolean;
  readonly columns?: number;
  readonly nowMs?: number;
  /** Told of everything that is written to standard output. */
  readonly onOutput?: (text: string) => void;
};

/** A world without a process: output is kept, files are given. */
export function createMemoryWorld(options: MemoryWorldOptions = {}): MemoryWorld {
  const { env = {}, files = {}, isTerminal = false, columns, nowMs = 0, onOutput } = options;
  const stdout = createMemoryOutput({ isTerminal, columns, onOutput });
  const stderr = createMemoryOutput({ isTerminal, columns, onOutput: undefined });
  const listeners = new Set<() => void>();
  const served: ServeOptions[] = [];
  const simulated: SimulateOptions[] = [];
  let exitCode = 0;
  return {
    version: "1.2.3",
    env,
    stdout,
    stderr,
    onInterrupt(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setExitCode(code) {
      exitCode = code;
    },
    async readFile(path) {
      const content = files[path];
      if (content === undefined) {
        throw new Error(`ENOENT: no such file or directory, open '${path}'`);
      }
      return typeof content === "string" ? Buffer.from(content) : content;
    },
    nowMs: () => nowMs,
    async serve(serveOptions) {
      served.push(serveOptions);
    },
    async simulate(simulateOptions) {
      simulated.push(simulateOptions);
    },
    out: () => stdout.text(),
    err: () => stderr.text(),
    exitCode: () => exitCode,
    interrupt() {
      for (const listener of [...listeners]) {
        listener();
      }
    },
    served,
    simulated,
  };
}

export type MemoryOutput = Output & { text(): string };

export function createMemoryOutput(options: {
  readonly isTerminal: boolean;
  readonly columns?: number | undefined;
  readonly onOutput?: ((text: string) => void) | undefined;
}): MemoryOutput {
  const pieces: string[] = [];
  return {
    isTerminal: options.isTerminal,
    columns: options.columns,
    write(text) {
      pieces.push(text);
      options.onOutput?.(text);
    },
    text: () => pieces.join(""),
  };
}
