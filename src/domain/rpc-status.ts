/**
 * Names of the gRPC codes that are a fault of the server; the others are their caller's doing, or none's.
 *
 * https://opentelemetry.io/docs/specs/semconv/rpc/grpc/
 */
export const serverFaults = [
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
] as const;

const faults: ReadonlySet<string> = new Set(serverFaults);

/** `status` is the name of a gRPC code. */
export function isServerFault(status: string): boolean {
  return faults.has(status);
}
