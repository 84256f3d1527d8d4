import { ConnectError } from "@connectrpc/connect";
import type { WireStatus } from "./status.ts";

/** The codes of gRPC and Connect are the same numbers. `trailers` are those the handler has set. */
export function connectErrorOf(status: WireStatus, trailers: Headers): ConnectError {
  const error = new ConnectError(status.message, status.code, trailers, [...status.details]);
  for (const [name, value] of status.trailers) {
    error.metadata.set(name, value);
  }
  return error;
}
