import { stringify } from "yaml";

export type RouterConfigOptions = {
  readonly upstreamOrigin: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  /** The provider's names of models that callers ask for as `bench/<name>`. */
  readonly models: readonly string[];
  /** Keys in place of those below. */
  readonly changes: Readonly<Record<string, unknown>>;
};

const provenance = { source: "test/bench", date: "2026-11-01" };
/** More than one, so that there is something to decide. */
const providers = ["alpha", "beta", "gamma"];
const HOUR_MS = 3_600_000;

/** The configuration of a router whose only providers are the fake upstream, three times over. */
export function routerConfig(options: RouterConfigOptions): string {
  return stringify({
    listen: { grpc: { port: options.grpcPort }, http: { port: options.httpPort } },
    // Idle streams are meant to stay, and thousands of callers come from one address.
    timeouts: { idleMs: HOUR_MS },
    limits: { concurrentStreams: 10_000 },
    simulator: { mode: "off" },
    log: { level: "warn" },
    catalog: {
      providers: Object.fromEntries(
        providers.map((id) => [id, providerOf(options.upstreamOrigin)]),
      ),
      models: Object.fromEntries(options.models.map((name) => [`bench/${name}`, modelOf(name)])),
      endpoints: Object.fromEntries(
        options.models.flatMap((name) =>
          providers.map((provider, index) => [
            `${provider}/${name}`,
            endpointOf(name, provider, index),
          ]),
        ),
      ),
    },
    ...options.changes,
  });
}

function providerOf(origin: string) {
  return { dialect: "openai-chat", baseUrl: `${origin}/v1`, auth: "none", ...provenance };
}

function modelOf(name: string) {
  return {
    displayName: `Bench: ${name}`,
    family: "bench",
    contextLength: 128_000,
    maxOutputTokens: 16_384,
    openWeights: true,
    nativeQuantization: "bf16",
    ...provenance,
  };
}

function endpointOf(name: string, provider: string, index: number) {
  return {
    model: `bench/${name}`,
    provider,
    upstreamModel: name,
    quantization: "bf16",
    maxConcurrency: 100_000,
    price: { input: `0.${15 + index}`, output: `0.${60 + index}`, ...provenance },
    ...provenance,
  };
}
