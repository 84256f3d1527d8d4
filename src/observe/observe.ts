import type { CallSink, ObservationSink, RpcSink } from "../domain/ports.ts";

/** Told what a sink threw, for a log line. What it throws itself is dropped. */
export type OnSinkError = (error: unknown) => void;

/**
 * Hands each attempt to every sink exactly once, in order and on the caller's stack.
 *
 * A sink that throws disturbs neither the others nor the call: what is learnt from an answer must
 * never cost the answer.
 */
export function createObserver(
  sinks: readonly ObservationSink[],
  onSinkError: OnSinkError,
): ObservationSink {
  return (observation) => {
    for (const sink of sinks) {
      try {
        sink(observation);
      } catch (error) {
        report(onSinkError, error);
      }
    }
  };
}

/** The same for finished calls. */
export function createCallObserver(sinks: readonly CallSink[], onSinkError: OnSinkError): CallSink {
  return (call, result) => {
    for (const sink of sinks) {
      try {
        sink(call, result);
      } catch (error) {
        report(onSinkError, error);
      }
    }
  };
}

/** The same for RPCs that have ended. */
export function createRpcObserver(sinks: readonly RpcSink[], onSinkError: OnSinkError): RpcSink {
  return (end) => {
    for (const sink of sinks) {
      try {
        sink(end);
      } catch (error) {
        report(onSinkError, error);
      }
    }
  };
}

function report(onSinkError: OnSinkError, error: unknown): void {
  try {
    onSinkError(error);
  } catch {
    // Nobody is left to tell.
  }
}
