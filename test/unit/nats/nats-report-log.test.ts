import { JetStreamApiError } from "@nats-io/jetstream";
import { errors } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import { BusPassedOver, BusRefused, BusUnavailable } from "../../../src/domain/bus.ts";
import type { AckedMessage } from "../../../src/nats/acked-publisher.ts";
import { PassedOverError } from "../../../src/nats/bus-error.ts";
import type { NatsLink, NatsSession } from "../../../src/nats/nats-link.ts";
import { createNatsReportLog } from "../../../src/nats/nats-report-log.ts";
import { createPauses } from "../../../src/nats/pauses.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type Fate = { readonly afterMs: number; readonly error: Error };

/** A server with which everything that is sent fails so, the last way for ever. */
function start(fates: readonly Fate[]) {
  const clock = createManualClock();
  const { nowMs, schedule } = clock;
  const sent: AckedMessage[] = [];
  const echoes: string[] = [];
  // All that the log asks of a session and of a link.
  const session = {
    publisher: {
      publish(message: AckedMessage) {
        const { afterMs, error } = (fates[sent.length] ?? fates.at(-1)) as Fate;
        sent.push(message);
        schedule(Math.min(afterMs, message.deadlineMs - nowMs()), () => message.failed(error));
      },
      echo: (subject: string) => void echoes.push(subject),
    },
  } as unknown as NatsSession;
  const link = {
    current: () => session,
    guard: <T>(work: Promise<T>) => work,
    pauses: createPauses(schedule, () => 1),
    suspect: () => undefined,
  } as unknown as NatsLink;
  const reports = createNatsReportLog({ link, nowMs, schedule, log: () => undefined });
  const publishing = reports.publish({ token: "b", id: "1", bytes: new Uint8Array(1) });
  const failure = publishing.then(
    () => undefined,
    (error: unknown) => error,
  );
  return { clock, sent, echoes, failure };
}

const passedOver: Fate = { afterMs: 2_000, error: new PassedOverError() };
const unanswered: Fate = { afterMs: 2_000, error: new errors.TimeoutError() };
const answered = (code: number, err_code: number): Fate => ({
  afterMs: 1,
  error: new JetStreamApiError({ code, err_code, description: "no" }),
});

describe("a report that NATS does not store", () => {
  it("is refused at once when the server denies it", async () => {
    const error = new errors.PermissionViolationError("denied", "publish", "atlas.health.v1.b");
    const { clock, failure, sent } = start([{ afterMs: 1, error }]);
    await clock.advance(1);
    const refusal = await failure;
    expect(refusal).toBeInstanceOf(BusRefused);
    expect(refusal).toMatchObject({ cause: error });
    expect(sent).toHaveLength(1);
  });

  it.each([
    { name: "the stream", fate: answered(400, 10_054) },
    { name: "the server", fate: { afterMs: 0, error: new errors.InvalidArgumentError("payload") } },
  ])("is wrong by itself when it is too large for $name", async ({ fate }) => {
    const { clock, failure } = start([fate]);
    await clock.advance(1);
    expect(await failure).toBeInstanceOf(RangeError);
  });

  it("is passed over when all that follows is answered, which is asked for", async () => {
    const { clock, failure, sent, echoes } = start([unanswered, passedOver]);
    await clock.advance(8_000);
    expect(await failure).toBeInstanceOf(BusPassedOver);
    expect(await failure).toBeInstanceOf(BusUnavailable);
    expect(sent.length).toBeGreaterThanOrEqual(3);
    expect(echoes).toEqual(sent.slice(1).map(() => "atlas.health.v1.b"));
  });

  it.each([
    { name: "nobody is answered", fates: [unanswered] },
    { name: "nobody is answered in the end", fates: [passedOver, passedOver, unanswered] },
    { name: "it is passed over once", fates: [unanswered, unanswered, unanswered, passedOver] },
    { name: "the stream is full", fates: [answered(503, 10_077)] },
    {
      name: "the stream is full in the end",
      fates: [passedOver, passedOver, answered(503, 10_077)],
    },
    { name: "the account is full", fates: [answered(400, 10_002)] },
    { name: "the stream is not there", fates: [answered(404, 10_059)] },
  ])("may be stored later when $name", async ({ fates }) => {
    const { clock, failure } = start(fates);
    await clock.advance(8_000);
    const error = await failure;
    expect(error).toBeInstanceOf(BusUnavailable);
    expect(error).not.toBeInstanceOf(BusPassedOver);
  });
});
