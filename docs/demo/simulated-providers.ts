import { startAtlas } from "./process.ts";

/** What the demos call. */
export const MODEL = "demo/chat";

/** Three providers of one model, each a simulated endpoint of its own. */
export type SimulatedProviders = {
  /** Part of a configuration: the catalogue with them in it, and no other fleet. */
  readonly settings: object;
  /** Changes how a provider behaves, over the control API of the fleet. */
  configure(provider: string, profile: object): Promise<void>;
  close(): Promise<void>;
};

/** The endpoints of the shipped catalogue that stand in for them. */
const providers: Readonly<Record<string, string>> = {
  alpha: "openai/gpt-4o-mini",
  beta: "azure/eastus/gpt-4o-mini",
  gamma: "azure/swedencentral/gpt-4o-mini",
};

const FAST = { firstTokenMs: { p50: 20, p95: 40 }, tokensPerSecond: { p50: 400, p95: 500 } };

export async function startSimulatedProviders(): Promise<SimulatedProviders> {
  const simulator = startAtlas("fleet", ["simulate", "--model", "openai/gpt-4o-mini"]);
  const control = await simulator.printed(/Control API: (\S+)/);
  const configure = (provider: string, profile: object) =>
    patch(`${control}/${encodeURIComponent(providers[provider] ?? "")}`, profile);
  const bases = await Promise.all(
    Object.entries(providers).map(async ([id, simulated]) => {
      await configure(id, FAST);
      const row = new RegExp(`^${simulated} +openai-chat +\\S+ +(\\S+)`, "m");
      return [id, await simulator.printed(row)] as const;
    }),
  );
  return {
    settings: { simulator: { mode: "off" }, catalog: catalogOf(bases) },
    configure,
    async close() {
      await simulator.kill("SIGTERM");
    },
  };
}

async function patch(url: string, profile: object): Promise<void> {
  const response = await fetch(url, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(profile),
  });
  if (!response.ok) {
    throw new Error(`the fleet does not take it: ${await response.text()}`);
  }
}

const provenance = { source: "docs/demo", date: "2026-11-22" };

function catalogOf(bases: readonly (readonly [id: string, baseUrl: string])[]): object {
  return {
    providers: Object.fromEntries(
      bases.map(([id, baseUrl]) => [
        id,
        { dialect: "openai-chat", baseUrl, auth: "none", ...provenance },
      ]),
    ),
    models: {
      [MODEL]: {
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
          model: MODEL,
          provider: id,
          upstreamModel: "gpt-4o-mini",
          quantization: "bf16",
          price: { input: "0.15", output: "0.60", ...provenance },
          ...provenance,
        },
      ]),
    ),
  };
}
