import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
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
  /** SIGSTOP: connections stay open and silent. */
  pause(): void;
  resume(): void;
  /** Deletes the store. Only while it is down. */
  wipe(): void;
  /** Ends it and deletes all its files. */
  dispose(): Promise<void>;
};

export type NatsServerOptions = {
  /** Lines of its configuration file, beside address and store. */
  readonly config?: string;
};

const START_TIMEOUT_MS = 20_000;

/** A server that has not been started yet, on a port of its own. */
export async function createNatsServer(
  { path }: NatsBinary,
  { config = "" }: NatsServerOptions = {},
): Promise<NatsServer> {
  const folder = mkdtempSync(join(tmpdir(), "atlas-nats-"));
  const store = join(folder, "store");
  const configFile = join(folder, "nats.conf");
  const port = await freePort();
  writeFileSync(
    configFile,
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${store}" }\n${config}\n`,
  );
  let child: ChildProcess | undefined;
  const killNow = () => child?.kill("SIGKILL");

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
      process.once("exit", killNow);
      await greeted(child, port);
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    wipe: () => rmSync(store, { recursive: true, force: true }),
    async dispose() {
      await end("SIGKILL");
      process.off("exit", killNow);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function greeted(child: ChildProcess, port: number): Promise<void> {
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await greets(port))) {
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`nats-server does not start: ${said}`);
    }
    await delay(20);
  }
}

async function greets(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    const [greeting] = await once(socket, "data");
    return String(greeting).startsWith("INFO");
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  if (address === null || typeof address === "string") {
    throw new Error("no port is free");
  }
  return address.port;
}
