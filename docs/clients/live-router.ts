import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endGroup, startCommand } from "./command.ts";

export type LiveRouter = {
  /** `host:port` */
  readonly grpcAddress: string;
  readonly httpUrl: string;
  stop(): Promise<void>;
};

/** Everything is simulated, so that a key in the environment costs nothing. */
const config = `
listen:
  grpc: { port: 0 }
  http: { port: 0 }
simulator:
  mode: all
  # Ten times as fast as life, and still slow enough for a stream to be cancelled in its middle.
  timeScale: 0.1
log:
  level: warn
`;

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 10_000;

/** Starts a router of this checkout on free loopback ports; resolves when it listens. */
export async function startLiveRouter(stopSignal: AbortSignal): Promise<LiveRouter> {
  const folder = await mkdtemp(join(tmpdir(), "atlas-clients-"));
  const configFile = join(folder, "atlas.yaml");
  await writeFile(configFile, config);
  const cwd = join(import.meta.dirname, "../..");
  const args = ["src/main.ts", "serve", "--config", configFile];
  const child = startCommand({ file: process.execPath, args, cwd });
  const closed = once(child, "close");
  child.stderr?.pipe(process.stderr);

  const stop = async () => {
    endGroup(child, "SIGTERM");
    const timer = setTimeout(() => endGroup(child, "SIGKILL"), STOP_TIMEOUT_MS);
    await closed;
    clearTimeout(timer);
    await rm(folder, { recursive: true });
  };
  const signal = AbortSignal.any([stopSignal, AbortSignal.timeout(START_TIMEOUT_MS)]);
  try {
    return { ...(await listening(child.stdout, signal)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the addresses that `atlas serve` tells once both ports are open. */
async function listening(stdout: NodeJS.ReadableStream | null, signal: AbortSignal) {
  let told = "";
  while (stdout !== null) {
    const [, grpcAddress] = /grpc:\/\/(\S+)\n/.exec(told) ?? [];
    const [, httpUrl] = /^ *Connect.* (http:\S+)\n/m.exec(told) ?? [];
    if (grpcAddress !== undefined && httpUrl !== undefined) {
      stdout.resume();
      return { grpcAddress, httpUrl };
    }
    const [chunk] = await Promise.race([
      once(stdout, "data", { signal }),
      once(stdout, "end", { signal }),
    ]);
    if (chunk === undefined) {
      break;
    }
    told += String(chunk);
  }
  throw new Error("the router ended before it listened");
}
