import type { ConsumerConfig, StreamInfo } from "@nats-io/jetstream";
import { DeliverPolicy } from "@nats-io/jetstream";

export type ReadFrom =
  | { readonly kind: "since"; readonly sinceMs: number }
  | { readonly kind: "new" }
  /** The servers want to be told the subjects here, also when they are all. */
  | { readonly kind: "latest-per-subject"; readonly subjects: string };

/** Subject, headers and what the server writes around a message. */
const OVERHEAD_BYTES = 4_096;

/** How far a reader of a stream has come. */
export type StreamPosition = {
  readonly from: ReadFrom;
  /** When the stream was made; absent before it was first seen. */
  streamEpoch: number | undefined;
  /** Sequence of the last message handed out; 0: none. */
  last: number;
  /** When the server stored it, epoch milliseconds. */
  lastStoredAtMs: number;
  /** Sequence to begin at when `from` is `new`. */
  first: number;
  /** Sequence of the last message that was stored when the epoch began. */
  target: number;
  caughtUp: boolean;
  /** Stored and not handed out, as of the last message. */
  pending: number;
};

export function startPosition(from: ReadFrom): StreamPosition {
  return {
    from,
    streamEpoch: undefined,
    last: 0,
    lastStoredAtMs: 0,
    first: 1,
    target: 0,
    caughtUp: false,
    pending: 0,
  };
}

/**
 * Compares with what the stream says of itself. Returns the epoch that begins, if the place means
 * nothing (any more): it was never seen before, was made anew, or lost its end.
 *
 * A server that lost power may come back with less than it had confirmed, and number on from there.
 * `storedAtMs` tells when the message was stored that has the number of the last one handed out; absent:
 * nobody knows, as of messages that are too old.
 */
export function beginIfAnew(
  position: StreamPosition,
  info: StreamInfo,
  storedAtMs: number = position.lastStoredAtMs,
): number | undefined {
  const streamEpoch = Date.parse(info.created);
  const { last_seq: lastSequence } = info.state;
  const same = position.streamEpoch === streamEpoch;
  if (same && lastSequence >= position.last && storedAtMs === position.lastStoredAtMs) {
    return undefined;
  }
  if (position.streamEpoch === undefined) {
    position.first = lastSequence + 1;
  } else {
    position.first = same ? Math.min(position.first, lastSequence + 1) : 1;
  }
  position.streamEpoch = streamEpoch;
  position.last = 0;
  position.lastStoredAtMs = 0;
  position.target = lastSequence;
  position.caughtUp = false;
  position.pending = 0;
  return streamEpoch;
}

/**
 * Since when the stream keeps what it was told, if it certainly lost some of what the reader would get
 * next. `undefined`: not certainly.
 *
 * What is beyond its age is dropped from the front as well, and is nothing that a reader misses. Then
 * the stream is not full: one that dropped its last message for want of room has stayed full since, as
 * long as what it kept then is of its age. A stream that somebody emptied says when its last message was
 * stored, which a reader that begins before would have got.
 */
export function lostUntil(position: StreamPosition, info: StreamInfo): number | undefined {
  const { config, state } = info;
  const isEmpty = state.messages === 0;
  const isFull =
    config.max_bytes > 0 && state.bytes > config.max_bytes - config.max_msg_size - OVERHEAD_BYTES;
  if (!(isEmpty || isFull) || state.first_seq <= position.last + 1) {
    return undefined;
  }
  const keptSinceMs = Date.parse(isEmpty ? state.last_ts : state.first_ts);
  return position.last > 0 || isWanted(position.from, keptSinceMs) ? keptSinceMs : undefined;
}

/** Whoever wants only what comes, or the last of each subject, misses nothing. */
function isWanted(from: ReadFrom, keptSinceMs: number): boolean {
  return from.kind === "since" && from.sinceMs < keptSinceMs;
}

/** True once per epoch: everything that was stored when it began has been handed out. */
export function noteProgress(position: StreamPosition, pending: number): boolean {
  position.pending = pending;
  if (position.caughtUp || (pending > 0 && position.last < position.target)) {
    return false;
  }
  position.caughtUp = true;
  return true;
}

/** Where a consumer has to start for the reader to miss nothing and get nothing twice. */
export function whereToStart(position: StreamPosition): Partial<ConsumerConfig> {
  const { from, last, first } = position;
  if (last > 0) {
    return startAt(last + 1);
  }
  switch (from.kind) {
    case "since":
      // Servers 2.11.11 and 2.12.3 start too late at a time, where messages before it were deleted
      // (https://github.com/nats-io/nats-server/pull/7751). A stream keeps little more than is asked for.
      return { deliver_policy: DeliverPolicy.All };
    case "new":
      return startAt(first);
    case "latest-per-subject":
      return { deliver_policy: DeliverPolicy.LastPerSubject, filter_subject: from.subjects };
    default:
      return from satisfies never;
  }
}

function startAt(sequence: number): Partial<ConsumerConfig> {
  return { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: sequence };
}
