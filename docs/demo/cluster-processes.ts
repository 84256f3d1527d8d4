import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { findNatsBinaries } from "../../test/support/nats-binaries.ts";
import { createNatsServer } from "../../test/support/nats-process.ts";
import { startAtlas } from "./process.ts";
import { startSimulatedProviders } from "./simulated-providers.ts";

export type Fault = {
  readonly name: string;
  readonly strike: () => Promise<void>;
  readonly mend: () => Promise<void>;
};

export type Cluster = {
  /** URL of the gRPC port of router A, B or C. */
  addressOf(router: string): string;
  makeSlow(provider: string, firstTokenMs: number): Promise<void>;
  readonly faults: readonly Fault[];
  close(): Promise<void>;
};

const FREE = ["--grpc-port", "0", "--http-port", "0", "--log-level", "warn"];

export async function startCluster(print: (line: string) => void): Promise<Cluster> {
  const { found, missing } = await findNatsBinaries();
  const binary = found.at(-1);
  if (binary === undefined) {
    throw new Error(`no nats-server: ${missing.map(({ reason }) => reason).join("; ")}`);
  }
  const folder = mkdtempSync(join(tmpdir(), "atlas-demo-"));
  const nats = await createNatsServer(binary);
  await nats.start();
  print(`nats-server ${binary.version} on ${nats.url}`);

  const providers = await startSimulatedProviders();
  const configFile = join(folder, "atlas.yaml");
  writeFileSync(configFile, stringify(providers.settings));
  // What they keep goes with the demo.
  const env = { ...process.env, STATE_DIRECTORY: folder };
  const serve = (name: string, role: string) =>
    startAtlas(
      name,
      [...["serve", "--config", configFile, "--role", role, "--nats", nats.url], ...FREE],
      { env },
    );

  const scorers = ["one", "two"].map((name) => serve(`scorer ${name}`, "scorer"));
  const routers = new Map(["A", "B", "C"].map((name) => [name, serve(`router ${name}`, "router")]));
  const addresses = new Map<string, string>();
  for (const [name, router] of routers) {
    addresses.set(name, `http://${await router.printed(/grpc:\/\/(\S+)/)}`);
    print(`router ${name} on ${addresses.get(name)}`);
  }
  for (const scorer of scorers) {
    await scorer.printed(/grpc:\/\/(\S+)/);
  }
  const [first] = scorers;
  return {
    addressOf: (router) => addresses.get(router) ?? "",
    makeSlow: (provider, firstTokenMs) =>
      providers.configure(provider, { firstTokenMs: { p50: firstTokenMs, p95: firstTokenMs } }),
    faults: [
      { name: "kill -9 of nats-server", strike: nats.kill, mend: nats.start },
      {
        name: "kill -9 of one scorer",
        strike: async () => void (await first?.kill("SIGKILL")),
        mend: async () => {},
      },
      {
        name: "kill -9 of router A",
        strike: async () => void (await routers.get("A")?.kill("SIGKILL")),
        mend: async () => {},
      },
    ],
    async close() {
      await Promise.all([...scorers, ...routers.values()].map((one) => one.kill("SIGTERM")));
      await providers.close();
      await nats.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
