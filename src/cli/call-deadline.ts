import {
  type CallOptions,
  createContextKey,
  createContextValues,
  type Interceptor,
} from "@connectrpc/connect";

/** Longest deadline that a router keeps, in milliseconds; it cuts longer ones to this. */
export const MAX_DEADLINE_MS = 3_600_000;

/**
 * How long after the deadline the command gives up by itself. The router ends a call at its deadline
 * and says why, which is worth this wait; a router that is gone says nothing.
 */
const ANSWER_GRACE_MS = 500;

const deadlineKey = createContextKey<number | undefined>(undefined, {
  description: "milliseconds that the router may take",
});

/** Options of one call; without a deadline the router's own holds, and the command waits for it. */
export function controlsOf(signal: AbortSignal, deadlineMs: number | undefined): CallOptions {
  return deadlineMs === undefined
    ? { signal }
    : {
        signal,
        timeoutMs: deadlineMs + ANSWER_GRACE_MS,
        contextValues: createContextValues().set(deadlineKey, deadlineMs),
      };
}

/** Sends the deadline of `controlsOf`, where Connect would send its own later timeout. */
export const sendDeadline: Interceptor = (next) => (call) => {
  const deadlineMs = call.contextValues.get(deadlineKey);
  if (deadlineMs !== undefined) {
    call.header.set("grpc-timeout", `${deadlineMs}m`);
  }
  return next(call);
};
