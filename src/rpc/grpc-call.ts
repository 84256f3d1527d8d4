import type { Message } from "@bufbuild/protobuf";
import { Metadata, type ServerUnaryCall, type ServerWritableStream } from "@grpc/grpc-js";
import { createCanceller } from "../domain/cancel.ts";
import type { NowMs } from "../domain/ports.ts";
import type { RouterError } from "../domain/router-error.ts";
import type { ActiveCall } from "./call-tracker.ts";
import { departureOf, parseGrpcTimeout } from "./deadline.ts";
import type { GrpcRpc } from "./grpc-streams.ts";
import { timeoutLeftMs } from "./open-rpc.ts";
import type { CallContext } from "./rpc-service.ts";

/** A request as it left the wire; what cannot be read is told by the handler, not by the library. */
export type Decoded =
  | { readonly message: Message; readonly receivedAtMs: number }
  | { readonly error: RouterError; readonly receivedAtMs: number };

export type GrpcCall = ServerUnaryCall<Decoded, Buffer> | ServerWritableStream<Decoded, Buffer>;

/** One call of grpc-js as the handlers know it. */
export type GrpcCallScope = {
  readonly context: CallContext;
  readonly active: ActiveCall;
  /** What the handler set so far; absent while it set nothing. */
  trailers(): Metadata | undefined;
  /** Why the caller is no longer there, if it is not. */
  departure(): RouterError;
  /** Our own end: the `cancelled` that grpc-js emits after every end means nothing from here on. */
  ended(): void;
};

/** Throws when the caller's timeout cannot be read. */
export function createGrpcCallScope(
  call: GrpcCall,
  { rpc, timeout }: GrpcRpc,
  { endless, nowMs }: { readonly endless: boolean; readonly nowMs: NowMs },
): GrpcCallScope {
  const canceller = createCanceller();
  const { metadata } = call;
  let trailers: Metadata | undefined;
  let hasEnded = false;
  const { abort } = canceller;
  const timeoutMs = timeout === undefined ? undefined : parseGrpcTimeout(timeout);
  const departure = () => departureOf(rpc, timeoutMs, nowMs());
  call.on("cancelled", () => {
    if (!hasEnded) {
      abort(departure());
    }
  });
  return {
    context: {
      signal: canceller.signal,
      abort,
      timeoutMs: timeoutLeftMs(rpc, timeoutMs),
      receivedAtMs: rpc.receivedAtMs,
      trace: rpc.trace,
      rpc,
      header: (name) => metadata.get(name)[0]?.toString(),
      setTrailer(name, value) {
        trailers ??= new Metadata();
        trailers.set(name, typeof value === "string" ? value : Buffer.from(value));
      },
      isBehind: () => "writableLength" in call && call.writableLength > 0,
    },
    active: { abort, endless },
    trailers: () => trailers,
    departure,
    ended() {
      hasEnded = true;
    },
  };
}
