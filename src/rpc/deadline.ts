import { RouterError } from "../domain/router-error.ts";

/** Milliseconds in one step of each unit of `grpc-timeout`. */
const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/**
 * Milliseconds of a `grpc-timeout` header: 1 to 8 digits and a unit.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function parseGrpcTimeout(value: string): number {
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  const factor = unitMs[unit ?? ""];
  if (digits === undefined || factor === undefined) {
    throw invalidTimeout("grpc-timeout");
  }
  return Number(digits) * factor;
}

/** Milliseconds of a `connect-timeout-ms` header: 1 to 10 digits. https://connectrpc.com/docs/protocol */
export function parseConnectTimeout(value: string): number {
  if (!/^\d{1,10}$/.test(value)) {
    throw invalidTimeout("connect-timeout-ms");
  }
  return Number(value);
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
