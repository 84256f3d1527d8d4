import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld } from "./memory-world.ts";

const pem = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), "utf8");

/** Files of memory, and behind them those of the system: the shipped catalogue is one. */
async function runCheck(files: Readonly<Record<string, string>>, ...argv: readonly string[]) {
  const memory = createMemoryWorld({ files });
  const world = {
    ...memory,
    readFile: (path: string) =>
      path in files || !path.startsWith("/") ? memory.readFile(path) : readFile(path),
  };
  await runAtlas(world, ["check", ...argv]);
  return { out: memory.out(), err: memory.err(), exitCode: memory.exitCode() };
}

describe("atlas check", () => {
  it("finds the defaults in order", async () => {
    const { out, err, exitCode } = await runCheck({});
    expect(out).toMatch(/^defaults: fine, \d+ models, \d+ endpoints\n$/);
    expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  });

  it("prints every problem of every file by its path", async () => {
    const { out, exitCode } = await runCheck(
      {
        "good.yaml": "log: { level: warn }",
        "bad.yaml": "listen: { grpc: { port: 70000 } }\nlisten2: {}",
      },
      ...["good.yaml", "bad.yaml", "gone.yaml"],
    );
    expect(out).toMatch(/^good\.yaml: fine, /);
    expect(out).toContain("\nbad.yaml: listen.grpc.port: ");
    expect(out).toContain("\nbad.yaml: listen2: ");
    expect(out).toMatch(/\ngone\.yaml: cannot be read: /);
    expect(exitCode).toBe(2);
  });

  it("refuses credentials in an address of the environment and does not repeat them", async () => {
    const env = { AZURE_OPENAI_BASE_URL: "https://user:hunter22@azure.example/v1" };
    const memory = createMemoryWorld({ env });
    await runAtlas({ ...memory, readFile: (path) => readFile(path) }, ["check"]);
    expect(memory.out()).toContain("AZURE_OPENAI_BASE_URL: must not hold a user name or password");
    expect(memory.out()).not.toContain("hunter22");
    expect(memory.exitCode()).toBe(2);
  });

  it("checks catalogue files over the shipped catalogue", async () => {
    const { out, exitCode } = await runCheck(
      { "models.yaml": "models: { not-an-id: {} }" },
      ...["--catalog", "models.yaml"],
    );
    expect(out).toMatch(/^catalogue: models\.yaml: models\.not-an-id: must be an id/);
    expect(exitCode).toBe(2);
    const empty = await runCheck({ "models.yaml": "models: {}" }, "--catalog", "models.yaml");
    expect(empty.out).toMatch(/^catalogue: fine, /);
    expect(empty.exitCode).toBe(0);
  });

  it("finds problems in a catalogue file and what refers to nothing in another one", async () => {
    const { out } = await runCheck(
      {
        "a.yaml": "models: { acme/one: { contextLength: many } }",
        "b.yaml":
          "endpoints: { e: { model: acme/one, provider: nobody, upstreamModel: x }, f: { model: acme/two, provider: openai, upstreamModel: x } }",
      },
      ...["--catalog", "a.yaml", "--catalog", "b.yaml"],
    );
    expect(out.trimEnd().split("\n")).toEqual([
      'catalogue: a.yaml: models["acme/one"].contextLength: must be a whole number from 1 to 1000000000',
      "catalogue: b.yaml: endpoints.e.provider: no provider is called nobody",
      "catalogue: b.yaml: endpoints.f.model: no model is called acme/two",
    ]);
  });

  it("finds what is wrong with configuration, certificates and catalogue at once", async () => {
    const { out, exitCode } = await runCheck(
      {
        "bad.yaml": `
          log: { level: loud }
          listen:
            grpc: { tls: { certFile: /server.pem, keyFile: /client-key.pem, clientCaFile: /gone.pem } }
            http: { tls: { certFile: /notes.txt, keyFile: "\${KEY_FILE}" } }
          policy: { onlyProviders: [azur] }
          catalog: { files: [/models.yaml] }`,
        "/models.yaml": "models: { acme/one: { family: 7 } }",
        "/server.pem": pem("server"),
        "/client-key.pem": pem("client-key"),
        "/notes.txt": "hunter22",
      },
      "bad.yaml",
    );
    const [warning, ...problems] = out.trimEnd().split("\n").toReversed();
    expect(warning).toMatch(
      /^bad\.yaml: warning: listen\.grpc\.tls\.certFile: .* not valid before/,
    );
    expect(problems.toReversed()).toEqual(
      [
        "listen.http.tls.keyFile: environment variable KEY_FILE is not set",
        "log.level: must be one of debug, info, warn, error",
        "listen.grpc.tls.clientCaFile: cannot be read: there is no file /gone.pem",
        "listen.grpc.tls.keyFile: does not belong to the certificate in certFile",
        "listen.http.tls.certFile: holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
        '/models.yaml: models["acme/one"].family: must be text: put it in quotes',
        "policy.onlyProviders[0]: no provider is called azur; did you mean azure?",
      ].map((line) => `bad.yaml: ${line}`),
    );
    expect(exitCode).toBe(2);
  });

  it("is content with a certificate that is out of date, and warns of it", async () => {
    const files = {
      "tls.yaml": "listen: { grpc: { tls: { certFile: /server.pem, keyFile: /server-key.pem } } }",
      "/server.pem": pem("server"),
      "/server-key.pem": pem("server-key"),
    };
    const { out, exitCode } = await runCheck(files, "tls.yaml");
    expect(out).toMatch(/^tls\.yaml: warning: listen\.grpc\.tls\.certFile: .*\ntls\.yaml: fine, /);
    expect(exitCode).toBe(0);
    const { out: json } = await runCheck(files, "tls.yaml", "--json");
    expect(JSON.parse(json)).toMatchObject({
      ok: true,
      results: [{ problems: [], warnings: [{ path: "listen.grpc.tls.certFile" }] }],
    });
  });

  it("names a provider that nobody knows although its access has a problem too", async () => {
    const { out } = await runCheck({ "a.yaml": "providers: { acme: { apiKey: 7 } }" }, "a.yaml");
    expect(out).toContain("providers.acme.apiKey: must be text");
    expect(out).toContain("providers.acme: no provider is called acme\n");
  });

  it("prints one document with --json", async () => {
    const { out, exitCode } = await runCheck({ "bad.yaml": "a: 1" }, "bad.yaml", "--json");
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      results: [{ name: "bad.yaml", problems: [{ path: "a" }] }],
    });
    expect(exitCode).toBe(2);
    const good = await runCheck({ "-": "" }, "-", "--json");
    expect(JSON.parse(good.out)).toMatchObject({ ok: true, results: [{ problems: [] }] });
  });

  it("prints the schema of the configuration", async () => {
    const { out, exitCode } = await runCheck({}, "--print-schema");
    expect(JSON.parse(out)).toMatchObject({ type: "object", properties: {} });
    expect(exitCode).toBe(0);
  });
});
