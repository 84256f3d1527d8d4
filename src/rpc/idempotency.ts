/**
 * One answer for calls that carry the same request id.
 *
 * A caller that lost its answer sends the call again. A repeat that is equal to the last byte waits
 * for the first one or gets what it answered, and nothing is paid twice; the same id with another
 * request is refused. Failures are forgotten, so a repeat after one is a fresh try. When the first
 * caller leaves or runs out of time, whoever still waits for it takes over and does not fail with it.
 *
 * Answers live on this replica alone, for a time and within bounds of number and bytes, oldest first.
 */
import { createHash } from "node:crypto";
import type { CancelSignal } from "../domain/cancel.ts";
import type { NowMs } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import type { TraceContext } from "../domain/trace.ts";
import { reasonOf } from "./run-call.ts";

export type IdempotencyLimits = {
  /** Default 600,000: longer than any client's own retries. */
  readonly keepMs: number;
  /** Finished answers. Default 1,000. */
  readonly maxEntries: number;
  /** Of finished answers. Default 67,108,864. */
  readonly maxBytes: number;
};

export const defaultIdempotencyLimits: IdempotencyLimits = {
  keepMs: 600_000,
  maxEntries: 1_000,
  maxBytes: 67_108_864,
};

export type IdempotentRequest = {
  readonly requestId: string;
  /** All of it. */
  readonly bytes: Uint8Array;
  readonly trace: TraceContext;
  /** Of this very request: once it is aborted, its `work` is not begun in place of another's. */
  readonly signal: CancelSignal;
  /** Told where the call stands that this one waits for. If it takes over after all, its `work` runs. */
  readonly repeats: (first: TraceContext) => void;
};

export type Idempotency = {
  /** Runs `work` once for all equal calls. The result is the whole answer. */
  once(request: IdempotentRequest, work: () => Promise<Uint8Array>): Promise<Uint8Array>;
  /** Refuses a second call with the id until the returned function is called. */
  hold(requestId: string): () => void;
};

type Entry = {
  readonly digest: string;
  readonly trace: TraceContext;
  /** Settles when the call that works for all has ended. */
  readonly answer: Promise<Uint8Array>;
  /** Absent while it works. */
  finished: { readonly atMs: number; readonly bytes: number } | undefined;
};

export function createIdempotency(
  nowMs: NowMs,
  limits: IdempotencyLimits = defaultIdempotencyLimits,
): Idempotency {
  const memory = createMemory(nowMs, limits);
  const held = new Set<string>();

  async function once(
    request: IdempotentRequest,
    work: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const { requestId, bytes, trace } = request;
    const digest = createHash("sha256").update(bytes).digest("base64");
    memory.evict();
    if (held.has(requestId)) {
      throw duplicate("A stream with this request id is running.");
    }
    const entry = memory.entries.get(requestId);
    if (entry === undefined) {
      return memory.start({ requestId, digest, trace }, work);
    }
    if (entry.digest !== digest) {
      throw duplicate("This request id belongs to another request.");
    }
    request.repeats(entry.trace);
    try {
      return await entry.answer;
    } catch (error) {
      endUnlessNext(error, request);
      return once(request, work);
    }
  }

  return {
    once,
    hold(requestId) {
      const entry = memory.entries.get(requestId);
      if (held.has(requestId) || (entry !== undefined && entry.finished === undefined)) {
        throw duplicate("A call with this request id is running.");
      }
      held.add(requestId);
      return () => {
        held.delete(requestId);
      };
    },
  };
}

/** The calls at work and the answers that are kept, in order of start. */
function createMemory(nowMs: NowMs, limits: IdempotencyLimits) {
  const entries = new Map<string, Entry>();
  let finishedCount = 0;
  let finishedBytes = 0;

  function forget(requestId: string, { finished }: Entry): void {
    entries.delete(requestId);
    if (finished !== undefined) {
      finishedCount -= 1;
      finishedBytes -= finished.bytes;
    }
  }

  /** Calls at work are passed over. */
  function evict(): void {
    const oldestMs = nowMs() - limits.keepMs;
    for (const [requestId, entry] of entries) {
      const full = finishedCount > limits.maxEntries || finishedBytes > limits.maxBytes;
      if (entry.finished === undefined) {
        continue;
      }
      if (!full && entry.finished.atMs > oldestMs) {
        break;
      }
      forget(requestId, entry);
    }
  }

  async function start(
    { requestId, digest, trace }: Pick<Entry, "digest" | "trace"> & { readonly requestId: string },
    work: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const entry: Entry = { digest, trace, answer: work(), finished: undefined };
    entries.set(requestId, entry);
    try {
      const bytes = (await entry.answer).byteLength;
      entry.finished = { atMs: nowMs(), bytes };
      finishedCount += 1;
      finishedBytes += bytes;
      evict();
    } catch {
      forget(requestId, entry);
    }
    return entry.answer;
  }

  return { entries, evict, start };
}

/** Throws what a repeat ends with when the call that it waited for has failed, unless it is to take over. */
function endUnlessNext(error: unknown, { signal }: IdempotentRequest): void {
  if (!isOfItsCaller(error)) {
    throw error;
  }
  if (signal.aborted) {
    throw reasonOf(signal);
  }
}

/** Failures that say something about the first caller and nothing about the call. */
function isOfItsCaller(error: unknown): boolean {
  return (
    error instanceof RouterError &&
    (error.code === "canceled" ||
      error.code === "deadline-exceeded" ||
      error.code === "caller-too-slow")
  );
}

function duplicate(message: string): RouterError {
  return new RouterError("duplicate-request", message);
}
