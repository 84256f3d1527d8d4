import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { connectTailBus } from "../../../src/cli/connect-tail-bus.ts";
import { openNatsBus } from "../../support/nats-bus.ts";
import type { NatsServer } from "../../support/nats-process.ts";
import { describeOnNats, useNatsCluster } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const STREAMS = ["DEADLETTER", "HEALTH", "KV_atlas_lease", "KV_atlas_scores"];

await describeOnNats("the copies of streams on three servers", (binary) => {
  async function copiesOf(servers: readonly NatsServer[]) {
    const connection = await connect({ servers: servers.map(({ url }) => url) });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection, { checkAPI: false });
    return () =>
      Promise.all(STREAMS.map(async (name) => (await streams.info(name)).config.num_replicas));
  }

  test("become more, and never fewer, whatever a process asks for", {
    timeout: 60_000,
  }, async () => {
    const servers = await useNatsCluster(binary);
    const copies = await copiesOf(servers);
    const open = async (replicas?: number) => {
      const asked = replicas === undefined ? {} : { replicas };
      const opened = openNatsBus({ servers: servers.map(({ url }) => url), ...asked });
      await until(() => opened.bus.status() === "connected", 30_000);
      await opened.bus.close();
      return opened.lines;
    };
    await open();
    expect(await copies()).toEqual([1, 1, 1, 1]);
    await open(3);
    expect(await copies()).toEqual([3, 3, 3, 3]);
    const lines = await open();
    expect(await copies()).toEqual([3, 3, 3, 3]);
    expect(lines.join("\n")).not.toContain("changed");
    const asked = { servers: servers.map(({ url }) => url), replicas: 1, reportBytes: 1 };
    const tail = await connectTailBus(asked, () => undefined);
    onTestFinished(() => tail.close());
    await until(() => tail.status() === "connected", 30_000);
    expect(await copies()).toEqual([3, 3, 3, 3]);
  });
});
