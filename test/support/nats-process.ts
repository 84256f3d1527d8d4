import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";
import type { NatsBinary } from "./nats-binaries.ts";

export type NatsServer = {
  readonly port: number;
  readonly url: string;
  /** Resolves when it greets; on the store that the last run left. */
  start(): Promise<void>;
  /** SIGTERM; resolves when it has ended. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open and silent from when it resolves. */
  pause(): Promise<void>;
  resume(): void;
  /** Deletes the store. Only while it is down. */
  wipe(): void;
  /** Keeps a copy of the store. Only while it is down. */
  backUp(): void;
  /** Loses everything since the copy, as with its power. Only while it is down. */
  restore(): void;
  /** Ends it and deletes all its files. */
  dispose(): Promise<void>;
};

export type NatsServerOptions = {
  /** Lines of its configuration file, beside address and store. */
  readonly config?: string;
  /** Lines about JetStream, beside the folder of its store. */
  readonly jetstream?: string;
  /** It says nothing before TLS, as with `handshake_first`: it has started when it accepts. */
  readonly isSilent?: boolean;
};

const START_TIMEOUT_MS = 20_000;

/** For one greeting; whoever accepts a connection and says nothing is no nats-server. */
const GREETING_TIMEOUT_MS = 1_000;

/** A server that has not been started yet, on a port of its own. */
export async function createNatsServer(
  { path }: NatsBinary,
  { config = "", jetstream = "", isSilent = false }: NatsServerOptions = {},
): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), "atlas-nats-"));
  const store = join(folder, "store");
  const copy = join(folder, "copy");
  const configFile = join(folder, "nats.conf");
  const port = await freePort();
  writeFileSync(
    configFile,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${store}"\n${jetstream} }\n${config}\n`,
  );
  const wipe = () => rmSync(store, { recursive: true, force: true });
  let child: ChildProcess | undefined;
  const killNow = () => child?.kill("SIGKILL");
  process.once("exit", killNow);

  async function end(signal: NodeJS.Signals): Promise<void> {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) {
      return;
    }
    const exited = once(ending, "exit");
    ending.kill(signal);
    // A stopped process takes no other signal.
    ending.kill("SIGCONT");
    await exited;
  }

  return {
    port,
    url: `nats://127.0.0.1:${port}`,
    async start() {
      child = spawn(path, ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] });
      await started(child, () => greets(port, isSilent));
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async pause() {
      child?.kill("SIGSTOP");
      await stopped(child?.pid);
    },
    resume: () => void child?.kill("SIGCONT"),
    wipe,
    backUp: () => cpSync(store, copy, { recursive: true }),
    restore() {
      wipe();
      cpSync(copy, store, { recursive: true });
    },
    async dispose() {
      await end("SIGKILL");
      process.off("exit", killNow);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function started(child: ChildProcess, isThere: () => Promise<boolean>): Promise<void> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await isThere())) {
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`nats-server does not start: ${said}`);
    }
    await delay(20);
  }
}

async function greets(port: number, isSilent: boolean): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    // Also when it closes without a word.
    const signal = AbortSignal.timeout(GREETING_TIMEOUT_MS);
    if (isSilent) {
      await once(socket, "connect", { signal });
      return true;
    }
    const [greeting] = await once(socket, "data", { signal });
    return String(greeting).startsWith("INFO");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A signal is on its way for a while, and stops one thread after the other. */
async function stopped(pid: number | undefined): Promise<void> {
  while (existsSync(`/proc/${pid}`) && !threadStates(pid).every((state) => state === "T")) {
    await delay(1);
  }
}

/** As `proc_pid_stat(5)` has them, after the name in brackets. Absent: the thread has just ended. */
function threadStates(pid: number | undefined): readonly (string | undefined)[] {
  return globSync(`/proc/${pid}/task/*/stat`).map((file) => {
    try {
      return /\) (\S)/.exec(readFileSync(file, "utf8"))?.[1];
    } catch {
      return undefined;
    }
  });
}
