import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { loadSettings } from "../../../src/cli/settings.ts";
import { createMemoryWorld } from "./memory-world.ts";

/** Files of memory, and behind them the shipped catalogue. */
async function settingsOf(config: string, files: Readonly<Record<string, string>> = {}) {
  const memory = createMemoryWorld({ files: { ...files, "/etc/atlas/atlas.yaml": config } });
  return loadSettings("/etc/atlas/atlas.yaml", {
    ...memory,
    readFile: (path) => (path.startsWith("/etc/atlas/") ? memory.readFile(path) : readFile(path)),
  });
}

const nats =
  "{ servers: [a], credentialsFile: bus.creds, tls: { caFile: ca.pem, certFile: c.pem, keyFile: k.pem, handshakeFirst: true } }";

describe("the files of the fleet", () => {
  it("are named relative to the configuration", async () => {
    const loaded = await settingsOf(`{ bus: { nats: ${nats} }, health: { snapshotFile: last } }`, {
      "/etc/atlas/bus.creds": "",
      "/etc/atlas/ca.pem": "",
      "/etc/atlas/c.pem": "",
      "/etc/atlas/k.pem": "",
    });
    expect(loaded).toMatchObject({
      ok: true,
      settings: {
        config: {
          health: { snapshotFile: "/etc/atlas/last" },
          bus: {
            nats: {
              credentialsFile: "/etc/atlas/bus.creds",
              tls: {
                caFile: "/etc/atlas/ca.pem",
                certFile: "/etc/atlas/c.pem",
                keyFile: "/etc/atlas/k.pem",
                handshakeFirst: true,
              },
            },
          },
        },
      },
    });
  });

  it("are all told of when they cannot be read, but for the one that is written", async () => {
    const loaded = await settingsOf(`{ bus: { nats: ${nats} }, health: { snapshotFile: last } }`);
    expect(loaded.ok ? [] : loaded.problems.map(({ path }) => path)).toEqual([
      "bus.nats.credentialsFile",
      "bus.nats.tls.caFile",
      "bus.nats.tls.certFile",
      "bus.nats.tls.keyFile",
    ]);
  });

  it("hold the seed of an NKey", async () => {
    const config = "bus: { nats: { servers: [a], nkeyFile: user.nk } }";
    expect(await settingsOf(config, { "/etc/atlas/user.nk": "" })).toMatchObject({
      settings: { config: { bus: { nats: { nkeyFile: "/etc/atlas/user.nk" } } } },
    });
    const loaded = await settingsOf(config);
    expect(loaded.ok ? [] : loaded.problems.map(({ path }) => path)).toEqual(["bus.nats.nkeyFile"]);
  });

  it("are none where there is no bus", async () => {
    expect(await settingsOf("")).toMatchObject({ ok: true });
  });
});
