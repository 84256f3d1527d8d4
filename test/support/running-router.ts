import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { watchLoop } from "../../src/cli/loop-watch.ts";
import { watchProcess } from "../../src/cli/process-watch.ts";
import { serve } from "../../src/cli/serve.ts";
import type { ServerWorld } from "../../src/cli/server-world.ts";

/** A router in this process, with its sockets and its fleet, as `atlas serve` runs it. */
export type RunningRouter = {
  /** `http://127.0.0.1:port` of the gRPC listener. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
  /** Control API of the fleet; empty when nothing is simulated. */
  readonly fleetUrl: string;
  /** Everything written so far: what a person reads, and the log. */
  output(): string;
  /** Writes the configuration anew and tells of the change, as an editor would. */
  rewrite(config: string): void;
  /** Writes it anew without a word, as where files cannot be watched. */
  write(config: string): void;
  /** As SIGHUP. */
  reload(): void;
  /** As SIGTERM; resolves when the router has ended. */
  stop(): Promise<void>;
  /** Resolves with the line of the log that holds `text`, once it was written. */
  logged(text: string): Promise<string>;
};

export type RouterSettings = {
  /** YAML; ports are 0 unless it says otherwise. */
  readonly config?: string;
  readonly env?: Readonly<Record<string, string>>;
};

/** What a router that stops waits for peers to say goodbye. Longer waits are for calls in flight. */
const LONGEST_FAREWELL_MS = 1_000;

/** Here nobody minds being left without a word. */
const FAREWELL_MS = 20;

const CONFIG_FILE = "/config/atlas.yaml";

/** Answers at once, so that tests do not wait for a provider to think. */
export const INSTANT_FLEET = "simulator: { timeScale: 0 }\n";

export async function startRouter({
  config = INSTANT_FLEET,
  env = {},
}: RouterSettings = {}): Promise<RunningRouter> {
  const outside = createOutside(config);
  let isStopping = false;
  const world: ServerWorld = {
    version: "0.0.0",
    env,
    stdout: { write: outside.write, isTerminal: false, columns: undefined },
    stderr: { write: outside.write, isTerminal: false, columns: undefined },
    readFile: (path) =>
      path === CONFIG_FILE ? Promise.resolve(Buffer.from(outside.config())) : readFile(path),
    watchFile: outside.onChange,
    onReload: outside.onReload,
    onStop: outside.onStop,
    setExitCode: () => undefined,
    nowMs: () => performance.timeOrigin + performance.now(),
    schedule(delayMs, task) {
      const isFarewell = isStopping && delayMs <= LONGEST_FAREWELL_MS;
      const timer = setTimeout(task, isFarewell ? Math.min(delayMs, FAREWELL_MS) : delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    newId: randomUUID,
    watchProcess,
    watchLoop,
    processName: `test:${randomUUID()}`,
  };
  const options = {
    configFile: CONFIG_FILE,
    grpcPort: 0,
    httpPort: 0,
    logLevel: undefined,
    role: undefined,
    nats: undefined,
  };
  const ended = serve(options, world);
  await Promise.race([outside.written("Try:"), ended]);
  const address = (pattern: RegExp) => pattern.exec(outside.output())?.[1] ?? "";
  return {
    grpcUrl: `http://${address(/grpc:\/\/(\S+)/)}`,
    httpUrl: address(/(http:\S+:\d+)$/m),
    fleetUrl: address(/fleet\s+(\S+)\/endpoints/),
    output: outside.output,
    rewrite: outside.rewrite,
    write: outside.put,
    reload: outside.reload,
    logged: outside.written,
    async stop() {
      isStopping = true;
      outside.stop();
      await ended;
    },
  };
}

/** Files, signals and terminal of a process that is not there. */
function createOutside(initial: string) {
  let config = initial;
  let output = "";
  const waiting = new Set<() => void>();
  const listeners = {
    change: new Set<() => void>(),
    reload: new Set<() => void>(),
    stop: new Set<() => void>(),
  };
  const subscribe = (set: Set<() => void>) => (listener: () => void) => {
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  };
  const tell = (set: ReadonlySet<() => void>) => {
    for (const listener of [...set]) {
      listener();
    }
  };
  return {
    config: () => config,
    output: () => output,
    write(text: string) {
      output += text;
      tell(waiting);
    },
    written(text: string): Promise<string> {
      const line = () => output.split("\n").find((candidate) => candidate.includes(text));
      const { promise, resolve } = Promise.withResolvers<string>();
      const look = () => {
        const found = line();
        if (found !== undefined) {
          waiting.delete(look);
          resolve(found);
        }
      };
      waiting.add(look);
      look();
      return promise;
    },
    onChange: (_: string, listener: () => void) => subscribe(listeners.change)(listener),
    onReload: subscribe(listeners.reload),
    onStop: subscribe(listeners.stop),
    put(text: string) {
      config = text;
    },
    rewrite(text: string) {
      config = text;
      tell(listeners.change);
    },
    reload: () => tell(listeners.reload),
    stop: () => tell(listeners.stop),
  };
}
