import { describe, onTestFinished, test } from "vitest";
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
