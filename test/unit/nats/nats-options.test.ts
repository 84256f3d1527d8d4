import { describe, expect, test } from "vitest";
import { connectionSettings, type NatsBusOptions } from "../../../src/nats/nats-options.ts";

function settings(change: Partial<NatsBusOptions>) {
  return connectionSettings({
    servers: ["nats://a:1"],
    name: "router-1",
    nowMs: () => 0,
    schedule: () => () => {},
    random: () => 0,
    log: () => {},
    ...change,
  });
}

function authOf(change: Partial<NatsBusOptions>) {
  const { authenticator } = settings(change).connection;
  return typeof authenticator === "function" ? authenticator("nonce") : undefined;
}

describe("connectionSettings()", () => {
  test("tries for ever, notices a dead connection within 30 s, and gives its name", () => {
    expect(settings({}).connection).toEqual({
      servers: ["a:1"],
      name: "router-1",
      pingInterval: 10_000,
      maxPingOut: 2,
      timeout: 5_000,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
    });
  });

  test.each([
    { server: "nats://a", host: "a:4222" },
    { server: "a", host: "a:4222" },
    { server: "a:80", host: "a:80" },
    { server: "nats://[::1]:4333", host: "[::1]:4333" },
    { server: "tls://a:1", host: "a:1" },
  ])("reads $server", ({ server, host }) => {
    expect(settings({ servers: [server] }).hosts).toEqual([host]);
  });

  test("tls:// and tls options demand encryption", () => {
    expect(settings({ servers: ["tls://a"] }).connection.tls).toEqual({});
    expect(settings({ tls: { caFile: "ca.pem" } }).connection.tls).toEqual({ caFile: "ca.pem" });
    expect(settings({}).connection.tls).toBeUndefined();
    const first = { handshakeFirst: true };
    expect(settings({ tls: first }).connection.tls).toEqual(first);
  });

  test("takes user and password, or a token, from the URL, and keeps them out of the hosts", () => {
    const named = { servers: ["nats://u:p%40%2F@a:1", "nats://u:p%40%2F@b:1", "c"] };
    expect(authOf(named)).toEqual({ user: "u", pass: "p@/" });
    expect(settings(named).hosts).toEqual(["a:1", "b:1", "c:4222"]);
    expect(settings(named).secrets).toEqual(["p@/"]);
    expect(authOf({ servers: ["nats://t0ken@a:1"] })).toEqual({ auth_token: "t0ken" });
    expect(authOf({ servers: ["nats://100%@a:1"] })).toEqual({ auth_token: "100%" });
  });

  test("signs with an NKey's seed, which it reads at every connection", () => {
    const seed = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4\n";
    let reads = 0;
    const readSeed = () => {
      reads++;
      return new TextEncoder().encode(seed);
    };
    const { connection } = settings({ auth: { kind: "nkey", readSeed } });
    const authenticator = connection.authenticator;
    const sign = typeof authenticator === "function" ? authenticator : () => undefined;
    expect(sign("nonce")).toMatchObject({ nkey: expect.stringMatching(/^U[A-Z0-9]{55}$/) });
    sign("nonce");
    expect(reads).toBe(2);
  });

  test("reads a JWT and its seed from the text of a credentials file", () => {
    const file = [
      "-----BEGIN NATS USER JWT-----",
      "header.claims.signature",
      "------END NATS USER JWT------",
      "-----BEGIN USER NKEY SEED-----",
      "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4",
      "------END USER NKEY SEED------",
      "",
    ].join("\n");
    const read = () => new TextEncoder().encode(file);
    expect(authOf({ auth: { kind: "credentials", read } })).toMatchObject({
      jwt: "header.claims.signature",
      nkey: expect.stringMatching(/^U[A-Z0-9]{55}$/),
    });
  });

  test.each([
    { name: "no server", change: { servers: [] } },
    { name: "another scheme", change: { servers: ["http://secret@a"] } },
    { name: "no host", change: { servers: ["nats://"] } },
    { name: "different credentials", change: { servers: ["secret@a", "other@b"] } },
    {
      name: "credentials twice",
      change: { servers: ["secret@a"], auth: { kind: "token", token: "secret" } as const },
    },
  ])("refuses $name without quoting it", ({ change }) => {
    expect(() => settings(change)).toThrow(TypeError);
    expect(() => settings(change)).not.toThrow(/secret/);
  });
});
