import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";

/** Which core a process is held to: what is measured has one for itself. */
export type Place = "measured" | "load";

/** A process of a bench. Ends with the bench, however that ends. */
export type BenchProcess = {
  readonly pid: number;
  /** What it said after the word that it waits for. */
  readonly said: string;
  /** CPU time since its start in seconds, of all its threads; absent where there is no /proc. */
  cpuSeconds(): number | undefined;
  /** Resident memory; absent where there is no /proc. */
  residentBytes(): number | undefined;
  /** What it wrote to standard error in the end, once it has ended by itself; absent before. */
  failure(): string | undefined;
  /** Resolves once it has ended. */
  stop(): Promise<void>;
};

export type Command = {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly place: Place;
  /** Beside this process's own. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** A line of standard output that begins with this word says that it is ready. Absent: at once. */
  readonly readyWord?: string;
};

const CLOCK_TICKS_PER_SECOND = 100;
const STOP_GRACE_MS = 5_000;
const READY_TIMEOUT_MS = 30_000;

const cores = availableParallelism();
const canPin = cores > 1 && spawnSync("taskset", ["--version"]).error === undefined;
const coreOf = { measured: 0, load: 1 } as const satisfies Record<Place, number>;

/** One sentence on what runs where. */
export function placement(): string {
  return canPin
    ? `router and bare proxy on core ${coreOf.measured}; load, upstream and this process on core ${coreOf.load} (taskset)`
    : `not pinned (${cores > 1 ? "no taskset" : "one core"}): figures are noisier, and the load may be what limits them`;
}

/** Holds this very process to the load side's core. */
export function pinThisProcess(): void {
  if (canPin) {
    spawnSync("taskset", ["-a", "-c", "-p", String(coreOf.load), String(process.pid)]);
  }
}

/** The command with `taskset` in front of it, where there is one. */
export function pinned(place: Place, command: string, rest: readonly string[]) {
  return canPin
    ? { file: "taskset", rest: ["-c", String(coreOf[place]), command, ...rest] }
    : { file: command, rest };
}

const running = new Set<ChildProcessWithoutNullStreams>();
process.once("exit", () => {
  for (const child of running) {
    child.kill("SIGKILL");
  }
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => process.exit(1));
}

/** Rejects with what the process wrote to standard error when it ends before it is ready. */
export async function startProcess(command: Command): Promise<BenchProcess> {
  const { file, rest } = pinned(command.place, command.command, command.arguments);
  const env = { ...process.env, ...command.env };
  const child = spawn(file, rest, { stdio: ["pipe", "pipe", "pipe"], env });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors = `${errors}${chunk}`.slice(-4_000);
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const said = await waitUntilReady(child, command, () => errors);
  const pid = child.pid ?? 0;
  return {
    pid,
    said,
    cpuSeconds: () => cpuSecondsOf(pid),
    residentBytes: () => residentBytesOf(pid),
    failure: () => (hasEnded() ? errors : undefined),
    async stop() {
      if (hasEnded()) {
        return;
      }
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_GRACE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function waitUntilReady(
  child: ChildProcessWithoutNullStreams,
  command: Command,
  errors: () => string,
): Promise<string> {
  const { readyWord } = command;
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const name = [command.command, ...command.arguments].join(" ");
  child.once("error", reject);
  child.once("exit", (code) => reject(new Error(`${name} ended with ${code}\n${errors()}`)));
  const timer = setTimeout(
    () => reject(new Error(`${name} was not ready in ${READY_TIMEOUT_MS} ms\n${errors()}`)),
    READY_TIMEOUT_MS,
  );
  // Reads on after the word: a full pipe would stop the process.
  createInterface(child.stdout).on("line", (line) => {
    if (readyWord !== undefined && line.startsWith(readyWord)) {
      resolve(line.slice(readyWord.length).trim());
    }
  });
  if (readyWord === undefined) {
    resolve("");
  }
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: fields 14 and 15. */
function cpuSecondsOf(pid: number): number | undefined {
  const stat = readProc(`/proc/${pid}/stat`);
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields === undefined
    ? undefined
    : (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}

function residentBytesOf(pid: number): number | undefined {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? "")?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024;
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Seconds that the load side's core has been busy since the machine started; absent without /proc. */
export function loadCoreBusySeconds(): number | undefined {
  const line = readProc("/proc/stat")
    ?.split("\n")
    .find((text) => text.startsWith(`cpu${coreOf.load} `));
  const [, user, nice, system, , , irq, softirq] = line?.split(/ +/).map(Number) ?? [];
  return user === undefined
    ? undefined
    : (user + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) / CLOCK_TICKS_PER_SECOND;
}
