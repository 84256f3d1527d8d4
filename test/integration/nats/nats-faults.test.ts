import { setTimeout as delay } from "node:timers/promises";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { type Bus, BusUnavailable, type StoredReport } from "../../../src/domain/bus.ts";
import { textOf } from "../../support/bus-contract.ts";
import { openNatsBus } from "../../support/nats-bus.ts";
import { createNatsServer, type NatsServer } from "../../support/nats-process.ts";
import {
  describeOnNats,
  describeOnNewestNats,
  useNatsCluster,
  useNatsServer,
} from "../../support/nats-server.ts";
import { createTcpProxy } from "../../support/tcp-proxy.ts";
import { until } from "../../support/until.ts";
import { follow, inOrder, publishUntilStored } from "./reporting.ts";

/** 1,000 reports a second until told to end; resolves when everything is confirmed. */
function startLoad(bus: Bus) {
  const sending: Promise<number>[] = [];
  const timer = setInterval(() => {
    for (let index = 0; index < 10; index++) {
      sending.push(publishUntilStored(bus, `r${sending.length}`));
    }
  }, 10);
  onTestFinished(() => clearInterval(timer));
  return {
    sent: () => sending.length,
    async end(): Promise<readonly string[]> {
      clearInterval(timer);
      await Promise.all(sending);
      return sending.map((_, index) => `r${index}`);
    },
  };
}

/** Whoever reads takes a number that is skipped for a report that is lost. */
function expectNoNumberSkipped(reports: readonly StoredReport[]): void {
  expect(reports.map(({ sequence }) => sequence)).toEqual(reports.map((_, index) => index + 1));
}

await describeOnNats("a bus on NATS survives", (binary) => {
  test("kill -9 and restart under 1,000 reports a second", { timeout: 60_000 }, async () => {
    const server = await useNatsServer(binary);
    const options = { servers: [server.url] };
    const [producer, first, second] = [1, 2, 3].map(() => openNatsBus(options).bus);
    const followed = [first, second].map((bus) => follow(bus as Bus));
    await until(() => followed.every((seen) => seen.events.includes("caught-up")));
    const load = startLoad(producer as Bus);
    for (const total of [500, 1_000, 1_500]) {
      await until(() => load.sent() >= total);
      await server.kill();
      await server.start();
    }
    await until(() => load.sent() >= 3_000);
    const sent = await load.end();
    await until(() => followed.every(({ reports }) => reports.length >= sent.length));
    const [one, two] = followed.map(({ reports }) => reports.map(textOf));
    expect(inOrder(one ?? [])).toEqual(inOrder(sent));
    expect(two).toEqual(one);
    expectNoNumberSkipped(followed[0]?.reports ?? []);
    expect(followed.map(({ epochs }) => epochs.length)).toEqual([1, 1]);
  });

  test("a server that is absent at boot and comes later", async () => {
    const server = await createNatsServer(binary);
    onTestFinished(server.dispose);
    const { bus, lines } = openNatsBus({ servers: [server.url] });
    const seen = follow(bus);
    const watched: string[] = [];
    bus.scores.watch(({ key }) => watched.push(key));
    const publishing = publishUntilStored(bus, "a");
    const taking = bus.leases.take("publisher", "one");
    await until(() => lines.length > 0);
    expect(bus.status()).toBe("connecting");
    await server.start();
    await publishing;
    await bus.scores.put("version", Uint8Array.of(1), 0);
    await until(() => seen.reports.length === 1 && watched.length === 1);
    expect(seen.events.filter((event) => event !== "caught-up")).toEqual(["began", "a"]);
    expect(await taking).toBe(true);
  });

  test("a store that is wiped", async () => {
    const server = await useNatsServer(binary);
    const { bus } = openNatsBus({ servers: [server.url] });
    const seen = follow(bus);
    const watched: string[] = [];
    bus.scores.watch(({ key, revision }) => watched.push(`${key}@${revision}`));
    for (const text of ["a", "b", "c"]) {
      await publishUntilStored(bus, text);
    }
    await bus.scores.put("old", Uint8Array.of(1), 0);
    await until(() => seen.reports.length === 3 && watched.length === 1);
    await server.kill();
    server.wipe();
    await server.start();
    await publishUntilStored(bus, "d");
    await until(() => seen.reports.length === 4);
    expect(await bus.scores.entries()).toEqual([]);
    await bus.scores.put("new", Uint8Array.of(1), 0);
    await until(() => watched.length === 2);
    expect(seen.epochs).toHaveLength(2);
    expect(seen.epochs[1]).toBeGreaterThan(seen.epochs[0] ?? Number.NaN);
    expect(seen.reports.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 1]);
    expect(watched).toEqual(["old@1", "new@1"]);
  });

  test("a server that lost its latest messages with its power, and numbers on", async () => {
    const server = await useNatsServer(binary);
    const proxy = await createTcpProxy(server.port);
    onTestFinished(() => proxy.close());
    const { bus } = openNatsBus({ servers: [`127.0.0.1:${proxy.port}`] });
    const { bus: producer } = openNatsBus({ servers: [server.url] });
    const seen = follow(bus);
    await publishUntilStored(producer, "a");
    await until(() => seen.reports.length === 1);
    await server.stop();
    server.backUp();
    await server.start();
    await publishUntilStored(producer, "b");
    await publishUntilStored(producer, "c");
    await until(() => seen.reports.length === 3);
    proxy.cut();
    await server.kill();
    server.restore();
    await server.start();
    for (const text of ["d", "e", "f"]) {
      await publishUntilStored(producer, text);
    }
    proxy.heal();
    await until(() => seen.reports.length === 7);
    expect(seen.events).toEqual(
      expect.arrayContaining(["began", "a", "b", "c", "began", "a", "d", "e", "f"]),
    );
    expect(seen.reports.map(textOf)).toEqual(["a", "b", "c", "a", "d", "e", "f"]);
    expect(seen.reports.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 1, 2, 3, 4]);
  });

  test("a network that is cut, under load", { timeout: 60_000 }, async () => {
    const server = await useNatsServer(binary);
    const proxy = await createTcpProxy(server.port);
    onTestFinished(() => proxy.close());
    const { bus } = openNatsBus({ servers: [`127.0.0.1:${proxy.port}`] });
    const seen = follow(bus);
    const watched: string[] = [];
    bus.scores.watch(({ key }) => watched.push(key));
    await until(() => seen.events.includes("caught-up"));
    const load = startLoad(bus);
    for (const total of [200, 400, 600]) {
      await until(() => load.sent() >= total);
      proxy.cut();
      await delay(300);
      proxy.heal();
    }
    await until(() => load.sent() >= 1_500);
    const sent = await load.end();
    await until(() => seen.reports.length >= sent.length);
    await bus.scores.put("version", Uint8Array.of(1), 0);
    await until(() => watched.length === 1);
    expect(inOrder(seen.reports.map(textOf))).toEqual(inOrder(sent));
    expect(seen.epochs).toHaveLength(1);
    expect(bus.status()).toBe("connected");
  });

  test("a connection that has gone dead while others work", { timeout: 60_000 }, async () => {
    const server = await useNatsServer(binary);
    const proxy = await createTcpProxy(server.port);
    onTestFinished(() => proxy.close());
    const { bus } = openNatsBus({ servers: [`127.0.0.1:${proxy.port}`] });
    const seen = follow(bus);
    await publishUntilStored(bus, "a");
    await until(() => seen.reports.length === 1);
    proxy.stall();
    const publishing = publishUntilStored(bus, "b");
    await delay(1_000);
    proxy.heal();
    await publishing;
    await until(() => seen.reports.length === 2);
    expect(seen.reports.map(textOf)).toEqual(["a", "b"]);
  });
});

await describeOnNewestNats("a bus on NATS survives, whatever the server's version,", (binary) => {
  test("credentials that are refused until they are put right", async () => {
    const config = 'authorization { user: "atlas", password: "right-password" }';
    const server = await useNatsServer(binary, { config });
    const wrong = { kind: "user", user: "atlas", password: "wrong-password" } as const;
    const { bus, lines } = openNatsBus({ servers: [server.url], auth: wrong });
    await until(() => lines.some((line) => line.startsWith("error NATS refuses the credentials")));
    expect(lines.join("\n")).not.toContain("wrong-password");
    const refused = bus.scores.get("a");
    await expect(refused).rejects.toThrow(BusUnavailable);
    await expect(refused).rejects.not.toThrow(/password/);
    const url = `nats://atlas:right-password@127.0.0.1:${server.port}`;
    const other = openNatsBus({ servers: [url] });
    await publishUntilStored(other.bus, "a");
    expect(other.lines.join("\n")).not.toContain("right-password");
  });

  test("one of three servers killed, whichever leads", { timeout: 60_000 }, async () => {
    const servers = await useNatsCluster(binary);
    const options = { servers: servers.map(({ url }) => url), replicas: 3 };
    const [producer, reader] = [openNatsBus(options).bus, openNatsBus(options).bus];
    const seen = follow(reader);
    await publishUntilStored(producer, "first");
    const leader = await leaderAmong(servers);
    const load = startLoad(producer);
    await until(() => load.sent() >= 200);
    await leader.kill();
    await until(() => load.sent() >= 600);
    const sent = await load.end();
    await until(() => seen.reports.length > sent.length);
    expect(inOrder(seen.reports.map(textOf))).toEqual(inOrder(["first", ...sent]));
    expectNoNumberSkipped(seen.reports);
    expect(seen.epochs).toHaveLength(1);
    expect(await producer.leases.take("publisher", "one")).toBe(true);
    expect(await producer.scores.put("version", Uint8Array.of(1), 0)).toBeGreaterThan(0);
  });
});

/** The server that leads the stream of reports. */
async function leaderAmong(servers: readonly NatsServer[]): Promise<NatsServer> {
  const connection = await connect({ servers: servers.map(({ url }) => url) });
  const { cluster } = await (await jetstreamManager(connection)).streams.info("HEALTH");
  await connection.close();
  const leader = servers.find((_, index) => cluster?.leader === `n${index}`);
  if (leader === undefined) {
    throw new Error(`${cluster?.leader} leads, which is none of ours`);
  }
  return leader;
}
