import type { RpcEnd } from "../domain/ports.ts";
import { isServerFault } from "../domain/rpc-status.ts";
import {
  putAttribute,
  type Span,
  type SpanAttributes,
  type SpanAttributesDraft,
  type SpanLink,
  spanIdAt,
  spanSlots,
} from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";

export function rpcSpanOf(end: RpcEnd, names: AttributeNames): Span {
  const { trace, status, method } = end;
  const isFault = isServerFault(status);
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
    attributes: attributesOf(end, names),
    events: [],
    links: linksOf(end),
    error: isFault ? (end.reason ?? "") : undefined,
  };
}

function attributesOf(end: RpcEnd, names: AttributeNames): SpanAttributes {
  const { method, status } = end;
  const attributes: SpanAttributesDraft = [];
  putAttribute(attributes, names.rpcSystem, end.system);
  putAttribute(attributes, names.rpcMethod, method);
  putAttribute(attributes, names.rpcStatus, status);
  putAttribute(attributes, names.errorType, isServerFault(status) ? status : undefined);
  putAttribute(attributes, names.errorReason, end.reason);
  putAttribute(attributes, names.callId, end.callId);
  putAttribute(attributes, names.repeated, end.repeats === undefined ? undefined : true);
  putAttribute(attributes, names.serverAddress, end.server?.host);
  putAttribute(attributes, names.serverPort, end.server?.port);
  putPeer(attributes, end.peer, names);
  return attributes;
}

/** A repeat to the call that it repeats, when that one has spans. */
function linksOf({ repeats }: RpcEnd): readonly SpanLink[] {
  return repeats?.keep === true
    ? [{ traceId: repeats.traceId, spanId: spanIdAt(repeats, spanSlots.complete) }]
    : [];
}

/** `127.0.0.1:50000`, `[::1]:50000`, or an address without its port. */
function putPeer(attributes: SpanAttributesDraft, peer: string, names: AttributeNames): void {
  const colon = peer.lastIndexOf(":");
  const host = hostOf(peer, colon);
  const port = portOf(peer, colon + 1);
  if (host !== undefined && port !== undefined) {
    putAttribute(attributes, names.peerAddress, host);
    putAttribute(attributes, names.peerPort, port);
  } else {
    putAttribute(attributes, names.peerAddress, peer === "" ? undefined : peer);
  }
}

/** Without its brackets. Absent where colons and no brackets are in front: the last one is no port's then. */
function hostOf(peer: string, colon: number): string | undefined {
  if (peer.startsWith("[") && colon > 2 && peer.indexOf("]") === colon - 1) {
    return peer.slice(1, colon - 1);
  }
  return colon > 0 && peer.indexOf(":") === colon ? peer.slice(0, colon) : undefined;
}

/** One to five digits from `start` to the end. By hand, because a pattern takes a microsecond. */
function portOf(peer: string, start: number): number | undefined {
  const digits = peer.length - start;
  let port = 0;
  for (let at = start; at < peer.length; at += 1) {
    const digit = peer.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) {
      return undefined;
    }
    port = port * 10 + digit;
  }
  return digits >= 1 && digits <= 5 ? port : undefined;
}

const ZERO = "0".charCodeAt(0);
