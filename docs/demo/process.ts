import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A command of ours that runs beside the demo and ends with it. */
export type DemoProcess = {
  readonly name: string;
  /** Everything that it has printed so far, on either stream. */
  output(): string;
  /** What `pattern` captures in what it prints, as soon as it has. Rejects when it ends before. */
  printed(pattern: RegExp): Promise<string>;
  /** Resolves when it has ended, with its exit code; absent when a signal ended it. */
  kill(signal: "SIGTERM" | "SIGKILL"): Promise<number | undefined>;
};

export type ProcessOptions = {
  /** The whole environment of the process. Default: ours. */
  readonly env?: Readonly<Record<string, string | undefined>>;
};

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const START_TIMEOUT_MS = 30_000;
const running = new Set<ChildProcess>();

process.once("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
});

export function startAtlas(
  name: string,
  words: readonly string[],
  { env = process.env }: ProcessOptions = {},
): DemoProcess {
  const stdio = ["ignore", "pipe", "pipe"] as const;
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: [...stdio], env });
  running.add(child);
  let output = "";
  const listeners = new Set<() => void>();
  const tell = () => {
    for (const listener of listeners) {
      listener();
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      tell();
    });
  }
  child.once("exit", () => {
    running.delete(child);
    tell();
  });
  return {
    name,
    output: () => output,
    printed(pattern) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      const timer = setTimeout(() => reject(silent(name, output)), START_TIMEOUT_MS);
      const look = () => {
        const found = pattern.exec(output)?.[1];
        if (found !== undefined) {
          resolve(found);
        } else if (!running.has(child)) {
          reject(silent(name, output));
        }
      };
      listeners.add(look);
      look();
      return promise.finally(() => {
        clearTimeout(timer);
        listeners.delete(look);
      });
    },
    async kill(signal) {
      if (running.has(child)) {
        const exited = once(child, "exit");
        child.kill(signal);
        await exited;
      }
      return child.exitCode ?? undefined;
    },
  };
}

function silent(name: string, output: string): Error {
  return new Error(`${name} does not say what it should: ${output.slice(-1_000)}`);
}
