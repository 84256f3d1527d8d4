import { describe, expect, it } from "vitest";
import { readTailSettings, type TailSettings } from "../../../src/cli/tail-settings.ts";
import { createMemoryWorld } from "./memory-world.ts";

const FILE = "/etc/atlas/atlas.yaml";

const read = (config: string, settings: TailSettings, env: Readonly<Record<string, string>> = {}) =>
  readTailSettings(
    settings,
    createMemoryWorld({ env, files: { [FILE]: config, "/etc/atlas/c": "" } }),
  );

describe("readTailSettings()", () => {
  it("takes addresses alone, also with credentials", async () => {
    const nats = ["nats://u:p@a:1, b", "c"];
    expect((await read("", { nats })).servers).toEqual(["nats://u:p@a:1", "b", "c"]);
  });

  it("takes what a configuration says of the bus, with its files beside it", async () => {
    const config = "bus: { nats: { servers: [a, b], credentialsFile: c, tls: {} } }";
    expect(await read(config, { config: FILE })).toMatchObject({
      servers: ["a", "b"],
      credentialsFile: "/etc/atlas/c",
      tls: { handshakeFirst: false },
    });
  });

  it("puts addresses of the command line in the place of those of the file", async () => {
    const config = "bus: { nats: { servers: [a], user: u, password: p } }";
    const nats = await read(config, { config: FILE, nats: ["b"] });
    expect(nats).toMatchObject({ servers: ["b"], user: "u" });
    expect(nats.password?.reveal()).toBe("p");
  });

  it("asks for nothing that is not about the bus", async () => {
    const config = [
      "bus: { nats: { servers: [a] } }",
      `providers: { openai: { apiKey: "\${OPENAI_API_KEY}" } }`,
      "listen: { grpc: { port: 70000, tls: { certFile: none, keyFile: none } } }",
    ].join("\n");
    expect((await read(config, { config: FILE })).servers).toEqual(["a"]);
  });

  it.each([
    {
      config: `bus: { nats: { servers: [a], token: "\${NATS_TOKEN}" } }`,
      message: `${FILE}: bus.nats.token: environment variable NATS_TOKEN is not set`,
    },
    {
      config: "bus: { nats: { servers: [a], nkeyFile: n } }",
      message: `${FILE}: bus.nats.nkeyFile: cannot be read: `,
    },
    { config: "bus: {", message: `${FILE}: ` },
    {
      config: "role: all",
      message: `${FILE}: has no bus.nats, and no --nats says where the bus is`,
    },
  ])("refuses $config", async ({ config, message }) => {
    await expect(read(config, { config: FILE })).rejects.toThrow(message);
  });

  it("says of a file that is not there that it is not", async () => {
    await expect(read("", { config: "/none" })).rejects.toThrow(/^\/none: cannot be read: /);
  });

  it("refuses an empty address without repeating the others", async () => {
    const reading = read("", { nats: ["nats://u:hunter22@a,"] });
    await expect(reading).rejects.toThrow(/^(?!.*hunter22)--nats: an address is empty$/);
  });
});
