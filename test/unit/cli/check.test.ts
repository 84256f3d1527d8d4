import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld } from "./memory-world.ts";

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
    expect(out).toMatch(/\ngone\.yaml: cannot be read: ENOENT/);
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
