import type { RpcEnd } from "../domain/ports.ts";
import { isServerFault } from "../domain/rpc-status.ts";
import { type Span, spanIdAt, spanSlots } from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";

export function rpcSpanOf(end: RpcEnd, names: AttributeNames): Span {
  const { trace, status, method } = end;
  const isFault = isServerFault(status);
  const peer = peerOf(end.peer);
  return {
    name: method,
    kind: "server",
    traceId: trace.traceId,
    spanId: spanIdAt(trace, spanSlots.rpc),
    parentSpanId: trace.parentSpanId,
    parentIsRemote: trace.parentSpanId !== undefined,
    traceState: trace.traceState,
    startedAtMs: end.receivedAtMs,
    endedAtMs: end.endedAtMs,
    attributes: {
      [names.rpcSystem]: end.system,
      [names.rpcMethod]: method,
      [names.rpcStatus]: status,
      [names.errorType]: isFault ? status : undefined,
      [names.errorReason]: end.reason,
      [names.callId]: end.callId,
      [names.peerAddress]: peer.address,
      [names.peerPort]: peer.port,
    },
    events: [],
    links: [],
    error: isFault ? (end.reason ?? "") : undefined,
  };
}

type Peer = { readonly address: string | undefined; readonly port: number | undefined };

/** `127.0.0.1:50000`, `[::1]:50000`, or an address without its port. */
const WITH_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]+)):(?<port>\d{1,5})$/;

function peerOf(peer: string): Peer {
  const { bracketed, plain = bracketed, port } = WITH_PORT.exec(peer)?.groups ?? {};
  return plain === undefined
    ? { address: peer === "" ? undefined : peer, port: undefined }
    : { address: plain, port: Number(port) };
}
