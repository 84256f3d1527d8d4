import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNatsBinaries } from "../support/nats-binaries.ts";
import { createNatsServer, type NatsServer } from "../support/nats-process.ts";
import { type BenchProcess, startProcess } from "./bench-process.ts";
import { chooseLoadGenerator, type LoadGenerator } from "./load-generator.ts";
import { routerConfig } from "./router-config.ts";
import { sampleUnary } from "./sample-call.ts";

/** One of the servers that are compared. */
export type Subject = {
  /** `router with NATS` shares what it learns by way of a real nats-server. */
  readonly name: "bare proxy" | "router" | "router with NATS";
  /** Host and port of its gRPC listener. */
  readonly address: string;
  readonly process: BenchProcess;
};

export type Lab = {
  /** Measured runs of each subject in a case. */
  readonly pairs: number;
  /** Length of a measured run. */
  readonly seconds: number;
  /** Host and port of the fake provider. */
  upstream(): Promise<{ readonly address: string; readonly process: BenchProcess }>;
  /** The bare proxy and the router, warm from earlier cases. */
  subjects(): Promise<readonly [Subject, Subject]>;
  /** One of them in a process of its own. The caller stops it. */
  startFresh(name: Subject["name"], nodeOptions: readonly string[]): Promise<Subject>;
  readonly load: LoadGenerator;
  /** A folder for what processes read; gone with the lab. */
  readonly folder: string;
  close(): Promise<void>;
};

export type LabOptions = {
  readonly pairs: number;
  readonly seconds: number;
  readonly warn: (sentence: string) => void;
};

/** Names that callers ask for as `bench/<name>`; the fake provider answers by them. */
export const models = {
  unary: "unary",
  burst: "stream-100-0",
  paced: "stream-100-5",
  trickle: "stream-10-10",
  idle: "idle",
} as const;

const READY_TIMEOUT_MS = 30_000;
const POLL_MS = 100;
const scriptOf = (path: string) => new URL(path, import.meta.url).pathname;

/** Starts nothing before a case asks for it. */
export function createLab({ pairs, seconds, warn }: LabOptions): Lab {
  const folder = mkdtempSync(join(tmpdir(), "atlas-bench-"));
  const processes: BenchProcess[] = [];
  let upstream: Promise<BenchProcess> | undefined;
  let subjects: Promise<readonly [Subject, Subject]> | undefined;
  let load: LoadGenerator | undefined;
  let nats: Promise<NatsServer> | undefined;

  async function start(script: string, rest: readonly string[] = []): Promise<BenchProcess> {
    const started = await startProcess({
      command: process.execPath,
      arguments: [scriptOf(script), ...rest],
      place: "load",
      readyWord: "listening",
    });
    processes.push(started);
    return started;
  }

  async function startUpstream() {
    upstream ??= start("fake-upstream.ts");
    const process = await upstream;
    return { address: `127.0.0.1:${process.said}`, process };
  }

  async function startFresh(name: Subject["name"], nodeOptions: readonly string[]) {
    const origin = `http://${(await startUpstream()).address}`;
    if (name === "router with NATS") {
      nats ??= startNats();
    }
    const natsUrl = name === "router with NATS" ? (await nats)?.url : undefined;
    const subject =
      name === "bare proxy"
        ? await startBareProxy(origin, nodeOptions)
        : await startRouter({ name, origin, folder, nodeOptions, natsUrl });
    processes.push(subject.process);
    return subject;
  }

  async function startBoth(): Promise<readonly [Subject, Subject]> {
    // The one that can fail goes first, so that the other is not left behind when it does.
    const router = await startFresh("router", []);
    return [await startFresh("bare proxy", []), router];
  }

  return {
    pairs,
    seconds,
    folder,
    upstream: startUpstream,
    startFresh,
    subjects() {
      subjects ??= startBoth().catch((error) => {
        // The next case tries again.
        subjects = undefined;
        throw error;
      });
      return subjects;
    },
    get load() {
      load ??= chooseLoadGenerator(warn);
      return load;
    },
    async close() {
      await Promise.all(processes.map((running) => running.stop()));
      const [server] = await Promise.allSettled([nats]);
      await (server.status === "fulfilled" ? server.value?.dispose() : undefined);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The newest that there is, on the core of this process. */
async function startNats(): Promise<NatsServer> {
  const { found, missing } = await findNatsBinaries();
  const binary = found.at(-1);
  if (binary === undefined) {
    throw new Error(`no nats-server: ${missing.map(({ reason }) => reason).join("; ")}`);
  }
  const server = await createNatsServer(binary);
  await server.start();
  return server;
}

async function startBareProxy(origin: string, nodeOptions: readonly string[]): Promise<Subject> {
  const started = await startProcess({
    command: process.execPath,
    arguments: [...nodeOptions, scriptOf("bare-proxy.ts"), origin],
    place: "measured",
    readyWord: "listening",
  });
  return { name: "bare proxy", address: `127.0.0.1:${started.said}`, process: started };
}

type RouterStart = {
  readonly name: Subject["name"];
  readonly natsUrl: string | undefined;
  readonly origin: string;
  readonly folder: string;
  readonly nodeOptions: readonly string[];
};

/** As a user starts it. */
async function startRouter(options: RouterStart): Promise<Subject> {
  const { name, natsUrl, origin, folder, nodeOptions } = options;
  const grpcPort = await freePort();
  const configFile = join(folder, `router-${grpcPort}.yaml`);
  const config = routerConfig({
    upstreamOrigin: origin,
    grpcPort,
    httpPort: await freePort(),
    models: Object.values(models),
  });
  writeFileSync(configFile, config);
  const started = await startProcess({
    command: process.execPath,
    arguments: [
      ...[...nodeOptions, scriptOf("../../src/main.ts"), "serve", "--config", configFile],
      ...(natsUrl === undefined ? [] : ["--nats", natsUrl]),
    ],
    place: "measured",
  });
  const subject: Subject = { name, address: `127.0.0.1:${grpcPort}`, process: started };
  try {
    await waitUntilItAnswers(subject);
  } catch (error) {
    await started.stop();
    throw error;
  }
  return subject;
}

async function waitUntilItAnswers(subject: Subject): Promise<void> {
  const endAtMs = performance.now() + READY_TIMEOUT_MS;
  let problem: unknown;
  while (performance.now() < endAtMs) {
    const failure = subject.process.failure();
    if (failure !== undefined) {
      throw new Error(`the router ended\n${failure}`);
    }
    try {
      await sampleUnary(subject.address, `bench/${models.unary}`);
      return;
    } catch (error) {
      problem = error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error("the router does not answer", { cause: problem });
}

/** Below the range that systems take for outgoing connections, of which a bench makes thousands. */
const FIRST_PORT = 20_000;
const PORTS = 12_000;

/** Nobody listens at it, and hardly anybody will until it is used. */
export async function freePort(): Promise<number> {
  const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
  return (await isFree(port)) ? port : freePort();
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}
