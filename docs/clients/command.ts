import { type ChildProcess, spawn } from "node:child_process";

export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** On top of this process's own environment. */
  readonly env?: Readonly<Record<string, string>>;
};

export type Finished = {
  /** Absent: ended by a signal, as after the time limit. */
  readonly exitCode: number | undefined;
  /** Standard output and standard error in order of arrival. */
  readonly output: string;
};

export type CommandLimits = { readonly timeoutMs: number; readonly stop: AbortSignal };

/** Runs to the end. Rejects when the file cannot be started, and with the reason of `stop`. */
export function runCommand(command: Command, { timeoutMs, stop }: CommandLimits) {
  return new Promise<Finished>((resolve, reject) => {
    stop.throwIfAborted();
    const child = startCommand(command);
    let output = "";
    const onChunk = (chunk: string) => {
      output += chunk;
    };
    child.stdout?.setEncoding("utf8").on("data", onChunk);
    child.stderr?.setEncoding("utf8").on("data", onChunk);
    const end = () => endGroup(child, "SIGKILL");
    const timer = setTimeout(() => {
      output += `\nended after ${timeoutMs / 1_000} s`;
      end();
    }, timeoutMs);
    stop.addEventListener("abort", end, { once: true });
    const settle = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
    };
    child.on("error", (error) => {
      settle();
      reject(error);
    });
    child.on("close", (exitCode) => {
      settle();
      if (stop.aborted) {
        reject(stop.reason);
      }
      resolve({ exitCode: exitCode ?? undefined, output });
    });
  });
}

/** In a process group of its own, so that `endGroup` reaches what the command starts in turn. */
export function startCommand({ file, args, cwd, env }: Command): ChildProcess {
  return spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Signals a started command and its descendants; nothing when they have ended. */
export function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) {
      process.kill(-pid, signal);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) {
      throw error;
    }
  }
}
