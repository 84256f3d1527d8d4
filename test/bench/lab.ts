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
  readonly name: string;
  /** Host and port of its gRPC listener. */
  readonly address: string;
  readonly process: BenchProcess;
};

/** Which server to start. */
export type SubjectPlan =
  | { readonly kind: "bare proxy" }
  | {
      readonly kind: "router";
      /** In the results. Default: `router`. */
      readonly name?: string;
      /** Shares what it learns by way of a real nats-server. Default: false. */
      readonly nats?: boolean;
      /** Keys of the configuration file in place of the bench's own. */
      readonly config?: Readonly<Record<string, unknown>>;
      readonly env?: Readonly<Record<string, string>>;
    };

export const BARE_PROXY: SubjectPlan = { kind: "bare proxy" };
export const ROUTER: SubjectPlan = { kind: "router" };

export function nameOf(plan: SubjectPlan): string {
  return plan.kind === "router" ? (plan.name ?? plan.kind) : plan.kind;
}

export type Lab = {
  /** How often a case of throughput starts its servers anew. */
  readonly starts: number;
  /** Measured runs of each subject after a start. */
  readonly pairs: number;
  /** Length of a measured run. */
  readonly seconds: number;
  /** Host and port of the fake provider. */
  upstream(): Promise<{ readonly address: string; readonly process: BenchProcess }>;
  /** The bare proxy and the router of the cases of latency. */
  subjects(): Promise<readonly [Subject, Subject]>;
  /** One of them in a process of its own. The caller stops it. */
  startFresh(plan: SubjectPlan, nodeOptions?: readonly string[]): Promise<Subject>;
  /** A process of this folder beside the load; ends with the lab. It says `listening` and its port. */
  startBeside(script: string): Promise<BenchProcess>;
  readonly load: LoadGenerator;
  /** A folder for what processes read; gone with the lab. */
  readonly folder: string;
  close(): Promise<void>;
};

export type LabOptions = {
  readonly starts: number;
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
export function createLab({ warn, ...options }: LabOptions): Lab {
  const folder = mkdtempSync(join(tmpdir(), "atlas-bench-"));
  const processes: BenchProcess[] = [];
  let upstream: Promise<BenchProcess> | undefined;
  let subjects: Promise<readonly [Subject, Subject]> | undefined;
  let load: LoadGenerator | undefined;
  const nats = createNats();

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

  async function startFresh(plan: SubjectPlan, nodeOptions: readonly string[] = []) {
    const origin = `http://${(await startUpstream()).address}`;
    const subject =
      plan.kind === "bare proxy"
        ? await startBareProxy(origin, nodeOptions)
        : await startRouter({
            ...plan,
            origin,
            folder,
            nodeOptions,
            serveOptions: plan.nats === true ? ["--nats", await nats.url()] : [],
          });
    processes.push(subject.process);
    return subject;
  }

  async function startBoth(): Promise<readonly [Subject, Subject]> {
    // The one that can fail goes first, so that the other is not left behind when it does.
    const router = await startFresh(ROUTER);
    return [await startFresh(BARE_PROXY), router];
  }

  return {
    ...options,
    folder,
    upstream: startUpstream,
    startFresh,
    startBeside: start,
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
      await nats.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts with the first who asks for it. */
function createNats() {
  let starting: Promise<NatsServer> | undefined;
  return {
    async url() {
      starting ??= startNats();
      return (await starting).url;
    },
    async stop() {
      const [server] = await Promise.allSettled([starting]);
      await (server.status === "fulfilled" ? server.value?.dispose() : undefined);
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
  return { name: nameOf(BARE_PROXY), address: `127.0.0.1:${started.said}`, process: started };
}

type RouterStart = Extract<SubjectPlan, { kind: "router" }> & {
  readonly origin: string;
  readonly folder: string;
  readonly nodeOptions: readonly string[];
  readonly serveOptions: readonly string[];
};

/** Nobody listens at the first yet, so the second may be given it once more. */
async function freePorts(): Promise<readonly [number, number]> {
  const [first, second] = [await freePort(), await freePort()];
  return first === second ? freePorts() : [first, second];
}

/** As a user starts it. */
async function startRouter(options: RouterStart): Promise<Subject> {
  const { config, env = {}, origin, folder, nodeOptions, serveOptions } = options;
  const [grpcPort, httpPort] = await freePorts();
  const configFile = join(folder, `router-${grpcPort}.yaml`);
  const text = routerConfig({
    upstreamOrigin: origin,
    grpcPort,
    httpPort,
    models: Object.values(models),
    changes: config ?? {},
  });
  writeFileSync(configFile, text);
  const started = await startProcess({
    command: process.execPath,
    arguments: [
      ...[...nodeOptions, scriptOf("../../src/main.ts"), "serve", "--config", configFile],
      ...serveOptions,
    ],
    place: "measured",
    env: { ...env, STATE_DIRECTORY: folder },
  });
  const subject: Subject = {
    name: nameOf(options),
    address: `127.0.0.1:${grpcPort}`,
    process: started,
  };
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
