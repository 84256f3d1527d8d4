import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { findNatsBinaries } from "../../test/support/nats-binaries.ts";
import { createNatsServer } from "../../test/support/nats-process.ts";
import { startAtlas } from "./process.ts";

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

/** The simulated endpoints that stand in for the demo's providers. */
const providers: Readonly<Record<string, string>> = {
  alpha: "openai/gpt-4o-mini",
  beta: "azure/eastus/gpt-4o-mini",
  gamma: "azure/swedencentral/gpt-4o-mini",
};

const provenance = { source: "docs/demo", date: "2026-11-22" };
const FAST = { firstTokenMs: { p50: 20, p95: 40 }, tokensPerSecond: { p50: 400, p95: 500 } };

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

  const simulator = startAtlas("fleet", "simulate", "--model", "openai/gpt-4o-mini");
  const control = await simulator.printed(/Control API: (\S+)/);
  const bases = await Promise.all(
    Object.entries(providers).map(async ([id, simulated]) => {
      await configure(control, simulated, FAST);
      const row = new RegExp(`^${simulated} +openai-chat +\\S+ +(\\S+)`, "m");
      return [id, await simulator.printed(row)] as const;
    }),
  );
  const configFile = join(folder, "atlas.yaml");
  writeFileSync(configFile, configOf(bases));
  const serve = (name: string, role: string) =>
    startAtlas(
      name,
      ...["serve", "--config", configFile, "--role", role, "--nats", nats.url],
      ...FREE,
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
      configure(control, providers[provider] ?? "", {
        firstTokenMs: { p50: firstTokenMs, p95: firstTokenMs },
      }),
    faults: [
      { name: "kill -9 of nats-server", strike: nats.kill, mend: nats.start },
      {
        name: "kill -9 of one scorer",
        strike: async () => await first?.kill("SIGKILL"),
        mend: async () => {},
      },
      {
        name: "kill -9 of router A",
        strike: async () => await routers.get("A")?.kill("SIGKILL"),
        mend: async () => {},
      },
    ],
    async close() {
      await Promise.all([...scorers, ...routers.values()].map((one) => one.kill("SIGTERM")));
      await simulator.kill("SIGTERM");
      await nats.dispose();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const FREE = ["--grpc-port", "0", "--http-port", "0", "--log-level", "warn"];

async function configure(control: string, endpoint: string, profile: object): Promise<void> {
  const response = await fetch(`${control}/${encodeURIComponent(endpoint)}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(profile),
  });
  if (!response.ok) {
    throw new Error(`the fleet does not take it: ${await response.text()}`);
  }
}

function configOf(bases: readonly (readonly [string, string])[]): string {
  return stringify({
    simulator: { mode: "off" },
    catalog: {
      providers: Object.fromEntries(
        bases.map(([id, baseUrl]) => [
          id,
          { dialect: "openai-chat", baseUrl, auth: "none", ...provenance },
        ]),
      ),
      models: {
        "demo/chat": {
          displayName: "Demo: Chat",
          family: "demo",
          contextLength: 128_000,
          maxOutputTokens: 16_384,
          openWeights: true,
          nativeQuantization: "bf16",
          ...provenance,
        },
      },
      endpoints: Object.fromEntries(
        bases.map(([id]) => [
          `${id}/chat`,
          {
            model: "demo/chat",
            provider: id,
            upstreamModel: "gpt-4o-mini",
            quantization: "bf16",
            price: { input: "0.15", output: "0.60", ...provenance },
            ...provenance,
          },
        ]),
      ),
    },
  });
}
