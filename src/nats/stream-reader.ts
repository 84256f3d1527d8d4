import type { Consumer, ConsumerInfo, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { AckPolicy, ReplayPolicy } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { BusUnavailable } from "../domain/bus.ts";
import type { Log, Schedule } from "../domain/ports.ts";
import { describeError, isMissing } from "./bus-error.ts";
import type { NatsLink, NatsSession } from "./nats-link.ts";
import {
  beginIfAnew,
  lostUntil,
  noteProgress,
  type ReadFrom,
  type StreamPosition,
  startPosition,
  whereToStart,
} from "./stream-position.ts";

export type StreamReaderOptions = {
  readonly link: NatsLink;
  readonly schedule: Schedule;
  readonly log: Log;
  readonly stream: string;
  /** Messages asked for at once: bounds what lies unhandled in memory. */
  readonly batch: number;
  readonly from: ReadFrom;
  readonly began: (streamEpoch: number) => void;
  /** As in `FollowOptions`. */
  readonly lost?: ((keptSinceMs: number) => void) | undefined;
  readonly take: (message: JsMsg) => void;
  readonly caughtUp: () => void;
};

export type StreamReader = {
  /** Messages stored and not yet handed out, as of the last one. */
  lag(): number;
  /** Nothing is handed out any more once it is called. */
  stop(): Promise<void>;
};

type Reading = StreamReaderOptions & {
  readonly position: StreamPosition;
  /** Aborts when the reader is stopped or the bus closed. */
  readonly stopping: AbortController;
};

/** How long one request for messages stays with the server. */
const PULL_MS = 5_000;

/** A request that has not ended by then hangs. */
const PULL_PATIENCE_MS = PULL_MS + 5_000;

/** In a row: one or two are what a server's restart looks like. */
const ALARMING_FAILURES = 4;

/** The server forgets a consumer that asked for nothing so long: none outlives its process by more. */
const INACTIVE_MS = 30_000;

/**
 * Hands out a stream in order, each message once, for ever.
 *
 * The client's own ordered consumers hide what happened to the stream: made anew it numbers from 1
 * again, and a consumer that waits for a sequence of the old one waits silently. So the place is kept
 * here, and every consumer is short-lived: made at the place, asked for one batch after the other, and
 * given up at the first sign of trouble (an error, a silence, a lost connection, a gap in its own
 * numbers). Before each, the stream's date of creation and its last sequence tell whether the place
 * still means anything; if not, the reader begins anew.
 *
 * One batch is asked for at a time and handled before the next, so that memory stays bounded however
 * far behind the reader is.
 */
export function readStream(options: StreamReaderOptions): StreamReader {
  const reading: Reading = {
    ...options,
    position: startPosition(options.from),
    stopping: new AbortController(),
  };
  const ended = run(reading);
  return {
    lag: () => reading.position.pending,
    stop() {
      reading.stopping.abort();
      return ended;
    },
  };
}

async function run(reading: Reading): Promise<void> {
  const { link, log, stream, position, stopping } = reading;
  let failures = 0;
  while (!stopping.signal.aborted) {
    const session = await untilStopped(reading, link.session(Number.POSITIVE_INFINITY));
    if (session === undefined) {
      return;
    }
    const before = position.last;
    const problem = await readOnce(reading, session);
    const healthy = problem === undefined;
    failures = healthy || position.last > before ? 0 : failures + 1;
    if (failures === ALARMING_FAILURES) {
      log("warn", "a stream of NATS cannot be read; trying on", { stream, problem });
    }
    if (!healthy) {
      await untilStopped(reading, link.pauses.pause(link.pauses.backoffMs(failures)));
    }
  }
}

/** Undefined: stopped, or the bus is closed. */
async function untilStopped<T>({ stopping }: Reading, work: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stopped = () => resolve(undefined);
  stopping.signal.addEventListener("abort", stopped, { once: true });
  try {
    return await Promise.race([work, promise]);
  } catch (error) {
    if (error instanceof BusUnavailable) {
      stopping.abort();
      return undefined;
    }
    throw error;
  } finally {
    stopping.signal.removeEventListener("abort", stopped);
  }
}

/** Reads with one consumer until the session is over, or something is wrong: then returns what. */
async function readOnce(reading: Reading, session: NatsSession): Promise<string | undefined> {
  const { link, log, stream } = reading;
  try {
    const info = await attach(reading, session);
    try {
      await readWith(reading, session, info);
    } finally {
      detach(reading, session, info);
    }
    return undefined;
  } catch (error) {
    if (session.over.aborted) {
      return undefined;
    }
    const problem = describeError(error);
    log("debug", "a reader of NATS begins again", { stream, problem });
    if (isMissing(error)) {
      link.suspect(session);
    }
    return problem;
  }
}

async function attach(reading: Reading, { manager }: NatsSession): Promise<ConsumerInfo> {
  const { position, stream, log } = reading;
  const isFirst = position.streamEpoch === undefined;
  const about = await manager.streams.info(stream);
  const epoch = beginIfAnew(position, about, await lastStoredAtMs(reading, manager));
  if (epoch !== undefined) {
    if (!isFirst) {
      log("warn", "a NATS stream was made anew or lost its end", { stream });
    }
    guarded(reading, "began", () => reading.began(epoch));
  }
  const keptSinceMs = lostUntil(position, about);
  if (keptSinceMs !== undefined) {
    guarded(reading, "lost", () => reading.lost?.(keptSinceMs));
  }
  const info = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    replay_policy: ReplayPolicy.Instant,
    inactive_threshold: nanos(INACTIVE_MS),
    mem_storage: true,
    num_replicas: 1,
    ...whereToStart(position),
  });
  advance(reading, info.num_pending);
  return info;
}

/**
 * Of the message that has the number of the last one handed out. Best effort: unknown where nothing was, or
 * the message is gone, or whoever we are may not ask.
 */
async function lastStoredAtMs(
  { position, stream }: Reading,
  manager: NatsSession["manager"],
): Promise<number | undefined> {
  if (position.last === 0) {
    return undefined;
  }
  try {
    const message = await manager.streams.getMessage(stream, { seq: position.last });
    return message?.time.getTime();
  } catch {
    return undefined;
  }
}

/** Best effort: the server forgets the consumer by itself. */
function detach({ stream }: Reading, session: NatsSession, info: ConsumerInfo): void {
  if (!session.over.aborted) {
    session.manager.consumers.delete(stream, info.name).catch(() => {});
  }
}

async function readWith(reading: Reading, session: NatsSession, info: ConsumerInfo): Promise<void> {
  const { stream, stopping, position } = reading;
  const consumer = session.jetstream.consumers.getConsumerFromInfo(info);
  const over = AbortSignal.any([session.over, stopping.signal]);
  let delivered = 0;
  while (!over.aborted) {
    const before = delivered;
    delivered = await pull(reading, consumer, { over, delivered });
    if (delivered === before && !position.caughtUp && !over.aborted) {
      // What was stored when the epoch began may have been dropped since.
      advance(reading, (await session.manager.consumers.info(stream, info.name)).num_pending);
    }
  }
}

/** One batch. Returns how many messages the consumer has delivered in all. */
async function pull(
  reading: Reading,
  consumer: Consumer,
  { over, delivered }: { readonly over: AbortSignal; readonly delivered: number },
): Promise<number> {
  const messages = await consumer.fetch({ max_messages: reading.batch, expires: PULL_MS });
  const end = () => messages.stop();
  const hang = () => messages.stop(new Error("a request for messages hangs"));
  over.addEventListener("abort", end, { once: true });
  const cancel = reading.schedule(PULL_PATIENCE_MS, hang);
  try {
    if (over.aborted) {
      return delivered;
    }
    return await handOut(reading, messages, { over, delivered });
  } finally {
    cancel();
    over.removeEventListener("abort", end);
    end();
  }
}

async function handOut(
  reading: Reading,
  messages: ConsumerMessages,
  { over, delivered }: { readonly over: AbortSignal; readonly delivered: number },
): Promise<number> {
  let count = delivered;
  for await (const message of messages) {
    if (over.aborted) {
      break;
    }
    if (message.info.deliverySequence !== ++count) {
      throw new Error("a message is missing");
    }
    guarded(reading, "take", () => reading.take(message));
    reading.position.last = message.seq;
    reading.position.lastStoredAtMs = storedAtMsOf(message);
    advance(reading, message.info.pending);
  }
  return count;
}

function advance(reading: Reading, pending: number): void {
  if (noteProgress(reading.position, pending)) {
    guarded(reading, "caughtUp", reading.caughtUp);
  }
}

/** Epoch milliseconds, by the server's clock. */
export function storedAtMsOf({ timestampNanos }: JsMsg): number {
  return Number(timestampNanos / 1_000_000n);
}

function guarded({ log, stream }: Reading, what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    log("error", `a reader of ${stream} threw in ${what}`, { error });
  }
}
