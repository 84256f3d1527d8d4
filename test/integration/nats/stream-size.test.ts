import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import type { NatsBusOptions } from "../../../src/nats/nats-options.ts";
import { recordFollowing, textReport } from "../../support/bus-contract.ts";
import { openNatsBus } from "../../support/nats-bus.ts";
import type { NatsServer } from "../../support/nats-process.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const MIB = 1024 * 1024;
/** One report of a subject for every 12 KiB of the stream. */
const OF_A_SUBJECT = 1_024;
const SMALL = 12 * MIB;

await describeOnNats("the stream of reports", (binary) => {
  async function managerOf(server: NatsServer) {
    const connection = await connect({ servers: `127.0.0.1:${server.port}` });
    onTestFinished(() => connection.close());
    return await jetstreamManager(connection);
  }

  async function open(server: NatsServer, options: Partial<NatsBusOptions> = {}) {
    const opened = openNatsBus({ servers: [server.url], ...options });
    await until(() => opened.bus.status() === "connected");
    return opened;
  }

  async function publishMany(
    { bus }: Awaited<ReturnType<typeof open>>,
    count: number,
    { token, bytes }: { readonly token: string; readonly bytes: number },
  ) {
    for (let sent = 0; sent < count; sent += 256) {
      const some = Array.from({ length: Math.min(256, count - sent) }, (_, index) =>
        bus.reports.publish({
          token,
          id: `${token}:${sent + index}`,
          bytes: new Uint8Array(bytes).fill(0x61),
        }),
      );
      await Promise.all(some);
    }
  }

  test("a flood on one subject pushes out what was told there, and nothing else", async () => {
    const server = await useNatsServer(binary);
    const opened = await open(server, { reportBytes: SMALL });
    await publishMany(opened, 10, { token: "quiet", bytes: 100 });
    await publishMany(opened, 4 * OF_A_SUBJECT, { token: "flooded", bytes: 5_000 });
    const seen = recordFollowing();
    const lost: number[] = [];
    const follow = { ...seen.options, lost: (keptSinceMs: number) => lost.push(keptSinceMs) };
    opened.bus.reports.follow({ sinceMs: 0, ...follow });
    await until(() => seen.events.includes("caught-up"));
    const of = (wanted: string) => seen.reports.filter(({ token }) => token === wanted).length;
    expect({ quiet: of("quiet"), flooded: of("flooded") }).toEqual({
      quiet: 10,
      flooded: OF_A_SUBJECT,
    });
    expect(lost).toEqual([]);
  });

  test("a follower of a stream that was too small is told since when it is whole", async () => {
    const server = await useNatsServer(binary);
    const opened = await open(server, { reportBytes: MIB });
    await publishMany(opened, 10, { token: "early", bytes: 100 });
    for (let endpoint = 0; endpoint < 30; endpoint += 1) {
      await publishMany(opened, 1, { token: `endpoint-${endpoint}`, bytes: 50_000 });
    }
    const seen = recordFollowing();
    const lost: number[] = [];
    opened.bus.reports.follow({
      sinceMs: 0,
      ...seen.options,
      lost(keptSinceMs) {
        expect(seen.events).toEqual(["began"]);
        lost.push(keptSinceMs);
      },
    });
    await until(() => seen.events.includes("caught-up"));
    expect(seen.reports.some(({ token }) => token === "early")).toBe(false);
    expect(lost).toEqual([seen.reports[0]?.storedAtMs]);
  });

  test("a stream that exists grows to what is asked for, and never shrinks", async () => {
    const server = await useNatsServer(binary);
    const manager = await managerOf(server);
    const bounds = async () => {
      const { max_bytes, max_msgs_per_subject } = (await manager.streams.info("HEALTH")).config;
      return { max_bytes, max_msgs_per_subject };
    };
    const first = await open(server, { reportBytes: SMALL });
    await first.bus.reports.publish(textReport("a"));
    expect(await bounds()).toEqual({ max_bytes: SMALL, max_msgs_per_subject: OF_A_SUBJECT });
    await open(server, { reportBytes: 2 * SMALL });
    const larger = { max_bytes: 2 * SMALL, max_msgs_per_subject: 2 * OF_A_SUBJECT };
    expect(await bounds()).toEqual(larger);
    await open(server, { reportBytes: SMALL });
    expect(await bounds()).toEqual(larger);
    expect((await manager.streams.info("HEALTH")).state.messages).toBe(1);
  });

  test("a server without room for it is named in the log, with the remedy", async () => {
    const server = await useNatsServer(binary, { jetstream: "max_file_store: 1GB" });
    const { bus, lines } = openNatsBus({ servers: [server.url] });
    await until(() => lines.some((line) => line.includes("bus.nats.reportBytes")));
    expect(lines.join("\n")).toContain("the server refuses the stream HEALTH of 1536 MiB: ");
    expect(bus.status()).toBe("connecting");
  });

  test("a refusal that has nothing to do with room is logged without that remedy", async () => {
    const server = await useNatsServer(binary);
    const { bus, lines } = openNatsBus({ servers: [server.url], replicas: 3 });
    await until(() => lines.some((line) => line.includes("replicas > 1 not supported")));
    expect(lines.join("\n")).not.toContain("bus.nats.reportBytes");
    expect(bus.status()).toBe("connecting");
  });
});
