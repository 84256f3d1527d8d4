import { describe, onTestFinished, test } from "vitest";
import { freePort } from "./free-port.ts";
import { findNatsBinaries, type NatsBinary } from "./nats-binaries.ts";
import { createNatsServer, type NatsServer, type NatsServerOptions } from "./nats-process.ts";

/**
 * Declares the tests once for every server to be had; when there is none, one skipped test says why.
 *
 * The oldest and the newest are wanted: the one that is missing is a skipped test, too.
 */
export async function describeOnNats(
  name: string,
  tests: (binary: NatsBinary) => void,
): Promise<void> {
  const { found, missing } = await findNatsBinaries();
  for (const binary of found) {
    describe(`${name}, nats-server ${binary.version}`, () => tests(binary));
  }
  for (const { wanted, reason } of missing) {
    test(`${name}, on the ${wanted} nats-server`, ({ skip }) => skip(reason));
  }
}

/** Declares the tests for the newest server alone: those that do not depend on the server's version. */
export async function describeOnNewestNats(
  name: string,
  tests: (binary: NatsBinary) => void,
): Promise<void> {
  const { found, missing } = await findNatsBinaries();
  const newest = found.at(-1);
  if (newest === undefined) {
    const reason = missing.map((one) => one.reason).join("; ");
    test(name, ({ skip }) => skip(`no nats-server: ${reason}`));
    return;
  }
  describe(`${name}, nats-server ${newest.version}`, () => tests(newest));
}

/** A running server with JetStream that ends with the test. */
export async function useNatsServer(
  binary: NatsBinary,
  options: NatsServerOptions = {},
): Promise<NatsServer> {
  const server = await createNatsServer(binary, options);
  onTestFinished(server.dispose);
  await server.start();
  return server;
}

/** Three running servers with JetStream that know each other and end with the test. */
export async function useNatsCluster(binary: NatsBinary): Promise<readonly NatsServer[]> {
  const ports = await Promise.all([1, 2, 3].map(freePort));
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(", ");
  const servers = await Promise.all(
    ports.map((port, index) =>
      createNatsServer(binary, {
        config: [
          `server_name: n${index}`,
          `cluster { name: atlas, listen: "127.0.0.1:${port}", routes: [${routes}] }`,
        ].join("\n"),
      }),
    ),
  );
  onTestFinished(async () => {
    await Promise.all(servers.map(({ dispose }) => dispose()));
  });
  await Promise.all(servers.map(({ start }) => start()));
  return servers;
}
