import { describe, expect, test } from "vitest";
import { checkConfig, checkNames } from "../../../src/config/check-config.ts";
import { configSchema } from "../../../src/config/config-schema.ts";

const problems = (value: unknown, broken: readonly string[] = []) =>
  checkConfig(configSchema.parse(value), (path) => broken.includes(path));

const both = { policy: { onlyProviders: ["a", "b"], ignoreProviders: ["c", "b"] } };

const nats = (more: object) => ({ bus: { nats: { servers: ["nats://n"], ...more } } });

describe("checkConfig()", () => {
  test("finds nothing wrong with the defaults", () => {
    expect(problems({})).toEqual([]);
  });

  test.each([
    {},
    { user: "u", password: "p" },
    { token: "t", tls: { caFile: "a", certFile: "c", keyFile: "k" } },
    { credentialsFile: "c", tls: {} },
    { nkeyFile: "n", tls: { handshakeFirst: true } },
  ])("finds nothing wrong with the one way to log in of %j", (more) => {
    expect(problems(nats(more))).toEqual([]);
  });

  test.each([
    {
      value: { listen: { grpc: { port: 8080 } } },
      path: "listen.http.port",
      message: "must differ from listen.grpc.port",
    },
    {
      value: { simulator: { controlPort: 8080 } },
      path: "simulator.controlPort",
      message: "must differ from the ports of the listeners",
    },
    {
      value: { timeouts: { firstToken: { maxMs: 31_000, minMs: 31_001, coldMs: 31_000 } } },
      path: "timeouts.firstToken.maxMs",
      message: "must be at least timeouts.firstToken.minMs",
    },
    {
      value: { timeouts: { firstToken: { coldMs: 60_001 } } },
      path: "timeouts.firstToken.coldMs",
      message: "must lie between timeouts.firstToken.minMs and maxMs",
    },
    {
      value: { timeouts: { firstToken: { coldMs: 1_999 } } },
      path: "timeouts.firstToken.coldMs",
      message: "must lie between timeouts.firstToken.minMs and maxMs",
    },
    {
      value: { timeouts: { connectMs: 60_001 } },
      path: "timeouts.connectMs",
      message: "must be at most timeouts.firstToken.maxMs",
    },
    {
      value: { timeouts: { defaultDeadlineMs: 59_999 } },
      path: "timeouts.defaultDeadlineMs",
      message: "must be at least timeouts.firstToken.maxMs",
    },
    {
      value: { limits: { keepaliveTimeoutMs: 60_001 } },
      path: "limits.keepaliveTimeoutMs",
      message: "must be at most limits.keepaliveMs",
    },
    { value: nats({ user: "u" }), path: "bus.nats.user", message: "needs bus.nats.password" },
    { value: nats({ password: "p" }), path: "bus.nats.password", message: "needs bus.nats.user" },
    {
      value: nats({ user: "u", password: "p", token: "t" }),
      path: "bus.nats.token",
      message: "cannot stand beside bus.nats.user",
    },
    {
      value: nats({ user: "u", password: "p", credentialsFile: "c" }),
      path: "bus.nats.credentialsFile",
      message: "cannot stand beside bus.nats.user",
    },
    {
      value: nats({ token: "t", credentialsFile: "c" }),
      path: "bus.nats.credentialsFile",
      message: "cannot stand beside bus.nats.token",
    },
    ...["user", "token", "credentialsFile"].map((other) => ({
      value: nats({ nkeyFile: "n", password: other === "user" ? "p" : undefined, [other]: "x" }),
      path: "bus.nats.nkeyFile",
      message: `cannot stand beside bus.nats.${other}`,
    })),
    {
      value: nats({ tls: { certFile: "c" } }),
      path: "bus.nats.tls.certFile",
      message: "needs bus.nats.tls.keyFile",
    },
    {
      value: nats({ tls: { keyFile: "k" } }),
      path: "bus.nats.tls.keyFile",
      message: "needs bus.nats.tls.certFile",
    },
    {
      value: both,
      path: "policy.ignoreProviders[1]",
      message: "b is also in policy.onlyProviders",
    },
  ])("reports $path: $message", ({ value, path, message }) => {
    expect(problems(value)).toContainEqual({ path, message });
  });

  test("lets the system choose several ports", () => {
    const anyPort = { port: 0 };
    expect(
      problems({ listen: { grpc: anyPort, http: anyPort }, simulator: { controlPort: 0 } }),
    ).toEqual([]);
  });

  test.each(["policy.ignoreProviders[1]", "policy.onlyProviders"])(
    "does not compare with %s when that is broken",
    (path) => {
      expect(problems(both, [path])).toEqual([]);
    },
  );
});

describe("checkNames()", () => {
  const known = {
    providers: new Set(["azure", "openai"]),
    unclear: new Set<string>(),
    accounts: new Set(["azure/eu"]),
    complete: true,
  };
  const named = (value: unknown, more: Partial<typeof known> = {}) =>
    checkNames(configSchema.parse(value), { ...known, ...more });

  test("takes names that the catalogue has", () => {
    const policy = { onlyProviders: ["azure"], ignoreProviders: ["openai"] };
    expect(named({ policy, providers: { azure: { accounts: { eu: {} } } } })).toEqual([]);
  });

  test("reports every name that the catalogue lacks", () => {
    const policy = { onlyProviders: ["azure", "azur"], ignoreProviders: ["nobody"] };
    expect(named({ policy, providers: { opena: {}, azure: { accounts: { us: {} } } } })).toEqual([
      {
        path: "policy.onlyProviders[1]",
        message: "no provider is called azur; did you mean azure?",
      },
      { path: "policy.ignoreProviders[0]", message: "no provider is called nobody" },
      { path: "providers.opena", message: "no provider is called opena; did you mean openai?" },
      { path: "providers.azure.accounts.us", message: "provider azure has no account us" },
    ]);
  });

  test("does not ask for accounts of a provider that is unknown or unclear", () => {
    const accounts = { us: {} };
    expect(named({ providers: { azure: { accounts } } }, { unclear: new Set(["azure"]) })).toEqual(
      [],
    );
    expect(named({ providers: { none: { accounts } } }).map(({ path }) => path)).toEqual([
      "providers.none",
    ]);
  });

  test("says where it looked when a part of the catalogue cannot be read", () => {
    expect(named({ policy: { onlyProviders: ["acme"] } }, { complete: false })).toEqual([
      {
        path: "policy.onlyProviders[0]",
        message: "no provider is called acme in what can be read",
      },
    ]);
  });
});
