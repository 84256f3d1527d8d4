import { create, toBinary } from "@bufbuild/protobuf";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { HealthReportSchema } from "../../../gen/atlas/events/v1/health_report_pb.ts";
import { tokenOf } from "../../../src/health/endpoint-token.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { callMany, expectEqualScores, held, MODEL, pageOf, startMembers } from "./use-fleet.ts";

/** Its id is that of its model. */
const GOOD = MODEL;
const SUBJECT = `atlas.health.v1.${tokenOf(GOOD)}`;
/** A subject that no endpoint has: that of the good one, without its hash. */
const OTHER_SUBJECT = "atlas.health.v1.openai-gpt-4o-mini";
const STRANGERS = 2_500;
const MAX_UINT32 = 2 ** 32 - 1;

type Histogram = { readonly buckets: number[]; readonly counts: number[] };

/** A report of the good endpoint that would count, were it not for what `more` says. */
function reportOf(sequence: number, more: object, endpoint = GOOD): Uint8Array {
  const slice = BigInt(Math.floor(Date.now() / 30_000));
  const value = { slice, layoutVersion: 1, successes: 1, failures: { 1: 1 }, ...more };
  return toBinary(
    HealthReportSchema,
    create(HealthReportSchema, {
      producer: "mallory",
      boot: 1n,
      sequence: BigInt(sequence),
      endpoint,
      model: MODEL,
      signal: { case: "outcomes", value },
    }),
  );
}

/** As large as a message may be: more buckets than any layout has. */
function largestHistogram(): Histogram {
  const buckets = Array.from({ length: 18_000 }, (_, index) => index);
  return { buckets, counts: buckets.map(() => 1) };
}

const unreadable: readonly (readonly [what: string, bytes: () => Uint8Array])[] = [
  ["nothing", () => new Uint8Array()],
  ["garbage", () => Uint8Array.from({ length: 500 }, (_, index) => (index * 37) % 256)],
  ["64 KB of garbage", () => new Uint8Array(65_000).fill(255)],
  ["a report cut short", () => reportOf(1, {}).subarray(0, 20)],
  ["a histogram of 64 KB", () => reportOf(2, { firstToken: largestHistogram() })],
  ["buckets that descend", () => reportOf(3, { duration: { buckets: [5, 4], counts: [1, 1] } })],
  ["more buckets than counts", () => reportOf(4, { duration: { buckets: [5, 6], counts: [1] } })],
  ["huge successes", () => reportOf(5, { successes: MAX_UINT32 })],
  ["huge failures", () => reportOf(6, { failures: { 1: MAX_UINT32 } })],
  ["huge counts", () => reportOf(7, { throughput: { buckets: [5], counts: [MAX_UINT32] } })],
  ["a layout of tomorrow", () => reportOf(8, { layoutVersion: 77 })],
  ["no sequence", () => reportOf(0, {})],
  ["an endpoint's name of 10 KB", () => reportOf(9, {}, "x".repeat(10_000))],
];

await describeOnNats("reports from hostile hands", (binary) => {
  test("change no figure of a good endpoint and are kept apart", async () => {
    const server = await useNatsServer(binary);
    const scorers = await startMembers("scorer", ["one", "two"], server.url);
    const [a, b, c] = await startMembers("router", ["A", "B", "C"], server.url);
    if (a === undefined || b === undefined || c === undefined) {
      throw new Error("three were started");
    }
    const all = [a, b, c, ...scorers];
    await callMany(a, 20);
    await held(10_000, () => expectEqualScores(all, 20));
    const before = await pageOf(c);

    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    const client = jetstream(connection);
    for (const [what, bytes] of unreadable) {
      await client.publish(SUBJECT, bytes(), { msgID: what });
    }
    // Under a subject that is not the endpoint's it would count, were it not for the subject.
    await client.publish(OTHER_SUBJECT, reportOf(50, {}), { msgID: "elsewhere" });
    // More than a value of the table can hold, if all of them were published.
    for (let index = 0; index < STRANGERS; index += 1) {
      const stranger = `nobody/${index}-`.padEnd(250, "x");
      const subject = `atlas.health.v1.${tokenOf(stranger)}`;
      connection.publish(subject, reportOf(100 + index, { successes: 1_000_000 }, stranger));
    }
    await connection.flush();
    const streams = (await jetstreamManager(connection)).streams;
    await held(10_000, async () => {
      const { state } = await streams.info("DEADLETTER");
      expect(state.messages).toBe(unreadable.length + 1);
    });
    expect(await pageOf(c)).toEqual(before);

    await callMany(c, 20);
    await held(5_000, () => expectEqualScores(all, 40));
    for (const member of all) {
      expect(await member.readiness()).toMatchObject({ status: 200, degraded: false });
    }
  });
});
