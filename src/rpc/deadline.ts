import { RouterError } from "../domain/router-error.ts";
import type { OpenRpc } from "./open-rpc.ts";

/** Milliseconds in one step of each unit of `grpc-timeout`. */
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The longest timeout a `grpc-timeout` of eight digits can say; longer ones are cut to it. */
const LONGEST_MS = 99_999_999 * 3_600_000;

/**
 * Milliseconds of a `grpc-timeout` header: digits and a unit, cut to `99999999H`.
 *
 * The protocol has at most 8 digits, yet connect-es writes ten days as `864000000m`.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function parseGrpcTimeout(value: string): number {
  const [, digits, unit] = /^(\d+)([HMSmun])$/.exec(value) ?? [];
  const factor = unitMs[unit ?? ""];
  if (digits === undefined || factor === undefined) {
    throw invalidTimeout("grpc-timeout");
  }
  return Math.min(Number(digits) * factor, LONGEST_MS);
}

/**
 * Milliseconds of a `connect-timeout-ms` header, cut as above; the protocol has at most 10 digits.
 * https://connectrpc.com/docs/protocol
 */
export function parseConnectTimeout(value: string): number {
  if (!/^\d+$/.test(value)) {
    throw invalidTimeout("connect-timeout-ms");
  }
  return Math.min(Number(value), LONGEST_MS);
}

function invalidTimeout(header: string): RouterError {
  return new RouterError("invalid-request", `The header ${header} cannot be read.`, {
    violations: [{ field: header, description: "is not a timeout of its protocol" }],
  });
}

export type DeadlineLimits = {
  /** For a call without a deadline. */
  readonly defaultTimeoutMs: number;
  /** Longer deadlines are cut to this, never refused. */
  readonly maxTimeoutMs: number;
};

/** Epoch milliseconds until which a call may work. */
export function deadlineOf(
  call: { readonly receivedAtMs: number; readonly timeoutMs: number | undefined },
  { defaultTimeoutMs, maxTimeoutMs }: DeadlineLimits,
): number {
  return call.receivedAtMs + Math.min(call.timeoutMs ?? defaultTimeoutMs, maxTimeoutMs);
}

/** The clocks of attempts stop this much before a deadline; a tenth of the time where there is little. */
const MARGIN_MS = 20;

/**
 * Why a call ends whose caller has left: who leaves when the time is up, leaves because of that.
 *
 * A caller's library ends the call at the deadline by itself. Where the event loop was busy that is heard
 * of before the router's own clocks have had their turn, though they were due.
 */
export function departureOf(
  { begunAtMs }: Pick<OpenRpc, "begunAtMs">,
  timeoutMs: number | undefined,
  nowMs: number,
): RouterError {
  const isOver =
    timeoutMs !== undefined && nowMs >= begunAtMs + timeoutMs - Math.min(MARGIN_MS, timeoutMs / 10);
  return isOver
    ? new RouterError("deadline-exceeded", "The deadline of the call has passed.", {
        metadata: { phase: "waiting" },
      })
    : new RouterError("canceled", "The caller has gone.");
}
