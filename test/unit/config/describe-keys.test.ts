import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { configJsonSchema, configKeys } from "../../../src/config/describe-keys.ts";

const docs = (name: string) =>
  readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");

describe("configKeys()", () => {
  const keys = configKeys();
  const key = (path: string) => keys.find((each) => each.path === path);

  test("says all about a key", () => {
    expect(key("listen.grpc.port")).toEqual({
      path: "listen.grpc.port",
      type: "integer",
      default: "50051",
      range: "0 to 65535",
      meaning: "Port of the gRPC listener; 0 lets the system choose.",
      restart: true,
    });
  });

  test.each([
    { path: "listen.http.tls.certFile", has: { default: "required", type: "text" } },
    { path: "listen.http.tls.clientCaFile", has: { default: "absent" } },
    { path: "log.level", has: { range: "debug, info, warn, error", restart: true } },
    { path: "policy.regions", has: { type: "list of text", restart: false } },
    { path: "policy.quantizations", has: { type: "list of text" } },
    { path: "policy.zeroDataRetention", has: { type: "boolean", range: "" } },
    { path: "providers.<name>.accounts.<name>.headers.<name>", has: { type: "text" } },
    { path: "catalog.models", has: { type: "mapping", default: "{}" } },
  ])("finds $path", ({ path, has }) => {
    expect(key(path)).toMatchObject(has);
  });

  test("gives every key a meaning", () => {
    expect(keys.filter(({ meaning }) => meaning === undefined)).toEqual([]);
  });

  test("is what docs/configuration.md shows, row by row", () => {
    const rows = docs("configuration.md")
      .split("\n")
      .filter((line) => line.startsWith("| `"));
    expect(rows).toEqual(
      keys.map(({ path, type, default: fallback, range, meaning, restart }) => {
        const shown =
          fallback === "required" || fallback === "absent" ? fallback : `\`${fallback}\``;
        const cells = [`\`${path}\``, type, shown, range, restart ? "restart" : "reload", meaning];
        return `| ${cells.join(" | ")} |`;
      }),
    );
  });
});

describe("configJsonSchema()", () => {
  test("is what docs/config.schema.json holds", () => {
    const written: unknown = JSON.parse(docs("config.schema.json"));
    expect(written).toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
  });

  test("lets a variable stand for a number and keeps what is known of the key", () => {
    const port =
      configJsonSchema().properties?.["listen"]?.properties?.["grpc"]?.properties?.["port"];
    expect(port).toEqual({
      description: "Port of the gRPC listener; 0 lets the system choose.",
      default: 50_051,
      anyOf: [
        { type: "integer", minimum: 0, maximum: 65_535 },
        { type: "string", pattern: "^\\$\\{.*\\}$" },
      ],
    });
  });
});
