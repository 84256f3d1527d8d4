import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DemoProcess, startAtlas } from "../../../docs/demo/process.ts";

/** `atlas serve` as a process of its own, which alone has an environment that the SDK reads. */
export type AtlasProcess = DemoProcess & {
  /** `http://127.0.0.1:port` of the gRPC listener. */
  readonly grpcUrl: string;
  readonly httpUrl: string;
};

export type AtlasSettings = {
  /** Its replica name. */
  readonly name: string;
  readonly config: object;
  readonly env: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
};

/** Resolves when it takes calls. Kill it in the end, which deletes its configuration too. */
export async function serveAtlas(settings: AtlasSettings): Promise<AtlasProcess> {
  const { name, config, env, words = [] } = settings;
  const folder = mkdtempSync(join(tmpdir(), "atlas-"));
  const file = join(folder, "atlas.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ replica: name, prober: { mode: "off" }, ...config }));
  const ports = ["--grpc-port", "0", "--http-port", "0"];
  const atlas = startAtlas(name, ["serve", "--config", file, ...ports, ...words], { env });
  return {
    ...atlas,
    async kill(signal) {
      const code = await atlas.kill(signal);
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
    grpcUrl: `http://${await atlas.printed(/grpc:\/\/(\S+)/)}`,
    httpUrl: await atlas.printed(/ (http:\S+:\d+)$/m),
  };
}

const provenance = { source: "test", date: "2026-11-22" };

/** Model `test/<name>` of the providers `<name>-a`, `<name>-b`, …, which differ in their addresses alone. */
export type TestModel = { readonly name: string; readonly providers: number };

export const providersOf = ({ name, providers }: TestModel): readonly string[] =>
  Array.from({ length: providers }, (_, at) => `${name}-${String.fromCharCode(97 + at)}`);

/** A configuration with these models and no fleet. `/<provider>` of `url` serves each provider. */
export function catalogOf(url: string, models: readonly TestModel[], auth = "none"): object {
  const entries = <T>(make: (model: TestModel, provider: string) => readonly [string, T]) =>
    Object.fromEntries(
      models.flatMap((model) => providersOf(model).map((provider) => make(model, provider))),
    );
  return {
    simulator: { mode: "off" },
    catalog: {
      providers: entries((_, provider) => [
        provider,
        { dialect: "openai-chat", baseUrl: `${url}/${provider}`, auth, ...provenance },
      ]),
      models: Object.fromEntries(
        models.map(({ name }) => [
          `test/${name}`,
          {
            displayName: "Test",
            family: "test",
            contextLength: 128_000,
            maxOutputTokens: 16_384,
            openWeights: true,
            nativeQuantization: "bf16",
            ...provenance,
          },
        ]),
      ),
      endpoints: entries(({ name }, provider) => [
        `${provider}/chat`,
        {
          model: `test/${name}`,
          provider,
          upstreamModel: "chat",
          quantization: "bf16",
          price: { input: "0.15", output: "0.60", ...provenance },
          ...provenance,
        },
      ]),
    },
  };
}
