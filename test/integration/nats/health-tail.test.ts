import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, nkeys } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { runAtlas } from "../../../src/cli/program.ts";
import { textReport } from "../../support/bus-contract.ts";
import { freePort } from "../../support/free-port.ts";
import { openNatsBus } from "../../support/nats-bus.ts";
import { createNatsOperator } from "../../support/nats-operator.ts";
import { describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";
import { createMemoryWorld } from "../../unit/cli/memory-world.ts";

const CANARY = "c4n4ry-9b21-never-printed";

/** Whoever only looks on: of JetStream he may ask about two streams and read them. */
const GUEST = `{
  user: guest
  password: "${CANARY}"
  permissions: {
    publish: { allow: [
      "$JS.API.STREAM.INFO.HEALTH", "$JS.API.STREAM.INFO.KV_atlas_scores"
      "$JS.API.STREAM.MSG.GET.HEALTH", "$JS.API.STREAM.MSG.GET.KV_atlas_scores"
      "$JS.API.CONSUMER.CREATE.HEALTH", "$JS.API.CONSUMER.CREATE.KV_atlas_scores"
      "$JS.API.CONSUMER.*.HEALTH.>", "$JS.API.CONSUMER.*.KV_atlas_scores.>"
      "$JS.API.CONSUMER.MSG.NEXT.HEALTH.>", "$JS.API.CONSUMER.MSG.NEXT.KV_atlas_scores.>"
    ] }
    subscribe: { allow: ["_INBOX.>"] }
  }
}`;

/** `atlas health tail` on a real bus; interrupted when the test ends. */
function startTail(...argv: readonly string[]) {
  const memory = createMemoryWorld();
  const world = { ...memory, readFile: (path: string) => readFile(path) };
  const ended = runAtlas(world, ["health", "tail", ...argv]);
  onTestFinished(async () => {
    memory.interrupt();
    await ended;
    expect(memory.out() + memory.err()).not.toContain(CANARY);
  });
  return { ...memory, isConnected: () => memory.err().includes("the bus is connected") };
}

/** Folder of files that ends with the test. */
function useFiles(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), "atlas-tail-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

await describeOnNewestNats("atlas health tail on NATS", (binary) => {
  test("needs no right but to read, and waits for the streams that others make", async () => {
    const config = `authorization { users: [ { user: atlas, password: fleet }, ${GUEST} ] }`;
    const server = await useNatsServer(binary, { config });
    const admin = await connect({ servers: server.url, user: "atlas", pass: "fleet" });
    onTestFinished(() => admin.close());
    const { streams } = await jetstreamManager(admin);

    const tail = startTail("--json", "--nats", `nats://guest:${CANARY}@127.0.0.1:${server.port}`);
    await until(() => tail.err().includes("there is no stream HEALTH"));
    expect(await streams.list().next()).toEqual([]);

    const fleet = `nats://atlas:fleet@127.0.0.1:${server.port}`;
    const { bus } = openNatsBus({ servers: [fleet] });
    await until(() => tail.isConnected());
    await until(async () => (await streams.info("HEALTH")).state.consumer_count === 1);
    await bus.reports.publish(textReport("a"));
    await until(() => tail.out() !== "");
    expect(JSON.parse(tail.out())).toMatchObject({ sequence: 1, problem: expect.any(String) });
    expect(tail.err()).not.toContain("ermission");
  });

  test("logs in with the credentials that a configuration names", async () => {
    const { config, userCredentials } = createNatsOperator();
    const server = await useNatsServer(binary, { config });
    const folder = useFiles({
      "bus.creds": userCredentials(),
      "atlas.yaml": `bus: { nats: { servers: ["${server.url}"], credentialsFile: bus.creds } }`,
    });
    const own = Buffer.from(userCredentials());
    const auth = { kind: "credentials", read: () => own } as const;
    const { bus } = openNatsBus({ servers: [server.url], auth });
    await bus.scores.put("some", Uint8Array.of(255), 0);
    const tail = startTail("--config", join(folder, "atlas.yaml"));
    await until(() => tail.out().includes("some: cannot be read"));
  });

  test("logs in with an NKey, over TLS from the first byte, at an address of the command line", async () => {
    const pair = nkeys.createUser();
    const tls = (name: string) => resolve("test/fixtures/tls", name);
    const config = [
      `authorization { users: [ { nkey: "${pair.getPublicKey()}" } ] }`,
      `tls { cert_file: "${tls("server.pem")}", key_file: "${tls("server-key.pem")}"`,
      "handshake_first: true }",
    ].join("\n");
    const server = await useNatsServer(binary, { config, isSilent: true });
    const folder = useFiles({
      "user.nk": `${new TextDecoder().decode(pair.getSeed())}\n`,
      "atlas.yaml": [
        "bus: { nats: { servers: [elsewhere], nkeyFile: user.nk,",
        `tls: { caFile: "${tls("ca.pem")}", handshakeFirst: true } } }`,
      ].join(" "),
    });
    const tail = startTail("--config", join(folder, "atlas.yaml"), "--nats", server.url);
    await until(() => tail.err().includes("there is no stream HEALTH"));
  });

  test("says what keeps it from connecting, on standard error and without secrets", async () => {
    const config = `authorization { user: atlas, password: "right" }`;
    const server = await useNatsServer(binary, { config });
    const port = await freePort();
    const wrongPort = startTail("--json", "--nats", `127.0.0.1:${port}`);
    const refused = startTail("--json", "--nats", `atlas:${CANARY}@127.0.0.1:${server.port}`);
    const plain = startTail("--json", "--nats", `tls://atlas:right@127.0.0.1:${server.port}`);
    await until(() => wrongPort.err().includes("refused"));
    expect(wrongPort.err()).toBe(
      "the bus is connecting\n" +
        `warning: NATS is not to be had; trying on (127.0.0.1:${port}): ConnectionError: connection refused\n`,
    );
    await until(() => refused.err().includes("\nerror: NATS refuses the credentials; trying on ("));
    await until(() => plain.err().includes("does not support 'tls'"));
    expect(wrongPort.out() + refused.out() + plain.out()).toBe("");
  });

  test("says which right is missing", async () => {
    const user = '{ user: guest, password: "p", permissions: { publish: { allow: ["none"] } } }';
    const config = `authorization { users: [ ${user} ] }`;
    const server = await useNatsServer(binary, { config });
    const tail = startTail("--nats", `guest:p@127.0.0.1:${server.port}`);
    await until(() => tail.err().includes('"$JS.API.STREAM.INFO.HEALTH"'));
    expect(tail.err()).toMatch(/^warning: NATS denies a right \(.*Permissions Violation/m);
  });
});
