import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/config/parse-config.ts";
import { isSecret } from "../../../src/config/secret.ts";

type Environment = Readonly<Record<string, string | undefined>>;

function configOf(text: string, env: Environment = {}) {
  const parsed = parseConfig(text, env);
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return parsed.config;
}

function problemsOf(text: string, env: Environment = {}) {
  const parsed = parseConfig(text, env);
  return parsed.ok ? [] : parsed.problems;
}

describe("parseConfig()", () => {
  test("keeps what a file says and completes the rest", () => {
    const config = configOf("listen: { grpc: { port: 1, tls: { certFile: c, keyFile: k } } }");
    expect(config.listen.grpc).toEqual({
      host: "127.0.0.1",
      port: 1,
      tls: { certFile: "c", keyFile: "k" },
    });
    expect(config.listen.http.port).toBe(8_080);
  });

  test("puts variables in, as text, number or flag by what the key wants", () => {
    const text = `
      listen: { grpc: { host: "\${NAME}" } }
      retry: { budgetRatio: "\${RATIO}" }
      policy: { zeroDataRetention: "\${ZDR:-true}" }
      providers: { acme: { apiKey: "\${KEY}" } }
    `;
    const config = configOf(text, { NAME: "7", RATIO: "0.5", KEY: "12345" });
    expect([
      config.listen.grpc.host,
      config.retry.budgetRatio,
      config.policy.zeroDataRetention,
      config.providers["acme"]?.apiKey?.reveal(),
    ]).toEqual(["7", 0.5, true, "12345"]);
  });

  test("does not take quoted numbers for numbers without a variable", () => {
    expect(problemsOf('retry: { maxAttempts: "2" }')).toEqual([
      {
        path: "retry.maxAttempts",
        message: "must be a whole number from 1 to 3, without quotes",
      },
    ]);
  });

  test("reports a variable that is not a number where one is wanted", () => {
    expect(problemsOf(`listen: { http: { port: "\${PORT}" } }`, { PORT: "http" })).toEqual([
      {
        path: "listen.http.port",
        message: "must be a whole number from 0 to 65535",
      },
    ]);
  });

  test("reports every problem at once, also those between keys", () => {
    const text = `
      listen: { grpc: { prot: 1, port: 8080, tls: { certFile: c } } }
      timeouts: { connectMs: 60001, idleMs: soon, firstToken: { minMs: "\${MIN_MS}" } }
      policy: { onlyProviders: [a], ignoreProviders: [a] }
      provider: {}
    `;
    expect(problemsOf(text).map(({ path, message }) => `${path} ${message}`)).toEqual([
      "timeouts.firstToken.minMs environment variable MIN_MS is not set",
      "listen.grpc.tls.keyFile is required",
      "listen.grpc.prot is not a known key; did you mean port?",
      "timeouts.idleMs must be a whole number from 1 to 2147483647",
      "provider is not a known key; did you mean providers?",
      "listen.http.port must differ from listen.grpc.port",
      "timeouts.connectMs must be at most timeouts.firstToken.maxMs",
      "policy.ignoreProviders[0] a is also in policy.onlyProviders",
    ]);
  });

  test("does not judge a key by one that is itself wrong", () => {
    const text = "timeouts: { connectMs: 70000, firstToken: { maxMs: long } }";
    expect(problemsOf(text).map(({ path }) => path)).toEqual(["timeouts.firstToken.maxMs"]);
  });

  test("gives what is left without the broken keys, and says which those are", () => {
    const text = "{ listen: { grpc: { port: x }, http: { port: 7 } }, catalog: { files: [a, 7] } }";
    const parsed = parseConfig(text, {});
    const rest = parsed.ok ? undefined : parsed.rest;
    expect(rest?.config.listen.http.port).toBe(7);
    const keys = ["listen", "listen.grpc.port", "listen.grpc.portal", "catalog.files[1].x"];
    expect(keys.map((key) => rest?.isBroken(key))).toEqual([false, true, false, true]);
    expect(keys.map((key) => rest?.isPartial(key))).toEqual([true, true, false, false]);
  });

  test("keeps what is said of TLS where a listener lacks a file that it needs", () => {
    const restOf = (text: string) => {
      const parsed = parseConfig(text, {});
      return parsed.ok ? undefined : parsed.rest;
    };
    const text = "listen: { grpc: { tls: { certFile: c } }, http: { tls: 7, port: 1 } }";
    expect(restOf(text)?.tls).toEqual({ grpc: { certFile: "c" }, http: undefined });
    expect(restOf(text)?.config.listen).toMatchObject({
      grpc: { port: 50_051 },
      http: { port: 1 },
    });
    expect(restOf("listen: 7")?.tls).toEqual({ grpc: undefined, http: undefined });
    const unset = `listen: { http: { tls: { certFile: c, keyFile: "\${KEY}" } } }`;
    expect(restOf(unset)?.config.listen.http.tls).toBeUndefined();
    expect(restOf(unset)?.tls.http).toEqual({ certFile: "c" });
    expect(restOf("listen: { grpc: 7 }")?.tls.grpc).toBeUndefined();
  });

  test("gives nothing of a file that is no mapping", () => {
    expect(parseConfig("[1]", {})).not.toHaveProperty("rest");
  });

  test("reports variables that are not set when nothing else is wrong", () => {
    expect(problemsOf(`providers: { acme: { apiKey: "\${ACME_KEY}" } }`)).toEqual([
      { path: "providers.acme.apiKey", message: "environment variable ACME_KEY is not set" },
    ]);
  });

  test("reports syntax errors with line and column", () => {
    expect(problemsOf("log: { level: info }\nlog: {}\n")).toEqual([
      { path: "", message: "line 2:1: Map keys must be unique" },
    ]);
  });

  test.each(["[1]", "text", "7"])("refuses a file that is no mapping: %s", (text) => {
    expect(problemsOf(text)).toEqual([{ path: "", message: "must be a mapping" }]);
  });

  test("never shows a value in a problem", () => {
    const text = `
      providers: { acme: { apiKey: ["\${KEY}"], baseUrl: "\${KEY}", headers: { x-a: "\${KEY}\\n" } } }
      errorDomain: \${KEY} \${KEY}
    `;
    const problems = problemsOf(text, { KEY: "sk-canary" });
    expect(problems).toHaveLength(4);
    expect(JSON.stringify(problems)).not.toContain("canary");
  });

  test("gives a frozen configuration", () => {
    const config = configOf("providers: { acme: { apiKey: k, headers: { x-a: b } } }");
    const parts: readonly unknown[] = [
      config,
      config.timeouts.firstToken,
      config.policy.regions,
      config.providers["acme"]?.headers,
    ];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual([true, true, true, true]);
    expect(isSecret(config.providers["acme"]?.apiKey)).toBe(true);
  });
});

describe("parseConfig() for any text", () => {
  test("never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        expect(parseConfig(text, {})).toHaveProperty("ok");
      }),
      { seed: 12 },
    );
  });

  test("speaks its own words whatever is wrong", () => {
    const keys = fc.constantFrom(
      ...["listen", "grpc", "tls", "port", "policy", "quantizations", "maxCostUsd", "retry"],
      ...[
        "budgetRatio",
        "providers",
        "acme",
        "headers",
        "accounts",
        "catalog",
        "files",
        "log",
        "level",
      ],
    );
    const layer = (inner: fc.Arbitrary<unknown>) =>
      fc.dictionary(keys, fc.oneof(fc.jsonValue(), inner));
    fc.assert(
      fc.property(layer(layer(layer(fc.jsonValue()))), (value) => {
        const told = problemsOf(JSON.stringify(value)).map(({ message }) => message);
        expect(
          told.filter((message) => /invalid|expected|received|too |unrec/i.test(message)),
        ).toEqual([]);
      }),
      { seed: 14, numRuns: 50 },
    );
  });

  test("never throws for anything JSON can say below its own keys", () => {
    const keys = fc.constantFrom("listen", "providers", "policy", "catalog", "timeouts", "grpc");
    const value = fc.dictionary(
      keys,
      fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue())),
    );
    fc.assert(
      fc.property(value, (object) => {
        expect(parseConfig(JSON.stringify(object), {})).toHaveProperty("ok");
      }),
      { seed: 13 },
    );
  });
});
