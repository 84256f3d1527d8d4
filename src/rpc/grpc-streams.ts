/**
 * What is known of the streams of the gRPC port: the RPC that each one is, from its headers on.
 *
 * Handlers of this server tell the ends of their RPCs themselves. All others are told here: those that
 * grpc-js refuses before a handler, those whose callers leave before their request is complete, and
 * those of health and reflection, which are the work of others.
 */
import type http2 from "node:http2";
import { noteGone, noteStatus, type OpenRpc, OTHER_METHOD, type RpcTeller } from "./open-rpc.ts";

/** Carries the number of the stream to its handler. A caller's own value is overwritten. */
const STREAM_HEADER = "atlas-internal-stream";

/** What a handler gets of its call beyond what grpc-js has. */
export type GrpcRpc = {
  readonly rpc: OpenRpc;
  /** `grpc-timeout` as the caller wrote it. */
  readonly timeout: string | undefined;
};

type Known = GrpcRpc & { readonly stream: http2.ServerHttp2Stream; readonly number: string };

/** It is a property of the stream: a map would have to be kept in step. */
export type GrpcStream = http2.ServerHttp2Stream & { [known]?: Known };

const known = Symbol("known");

export type GrpcStreams = {
  /** Takes its timeout out of the headers, and puts its number in if a handler asks for it. */
  opened(stream: GrpcStream, path: string, headers: http2.IncomingHttpHeaders): void;
  /** Headers or trailers of its answer have been sent, the last ones it gets. */
  answered(stream: GrpcStream, headers: SentHeaders | undefined): void;
  /** By the metadata of a call; absent when the stream has closed. */
  of(metadata: CallMetadata): GrpcRpc | undefined;
  /** Resets a stream with an error code of HTTP/2. */
  reset(metadata: CallMetadata, code: number): void;
};

export type SentHeaders = http2.OutgoingHttpHeaders | readonly string[];
export type CallMetadata = { get(name: string): readonly (string | Buffer)[] };

export type GrpcStreamsOptions = {
  readonly rpcs: RpcTeller;
  /** Paths of the methods whose handlers take their RPC and tell its end. */
  readonly own: ReadonlySet<string>;
  /** Paths of all other methods that the server has. */
  readonly foreign: ReadonlySet<string>;
};

export function createGrpcStreams({ rpcs, own, foreign }: GrpcStreamsOptions): GrpcStreams {
  const methods = methodsOf(own, foreign);
  /** Those of own methods, by number. */
  const open = new Map<string, Known>();
  const sendTrailers = createTellingTrailers(answered);
  let lastNumber = 0;

  function onClose(this: GrpcStream): void {
    const closed = this[known];
    if (closed === undefined) {
      return;
    }
    const { rpc, number } = closed;
    open.delete(number);
    if (!rpc.isWorking && !rpc.isTold) {
      noteGone(rpc);
      rpcs.tell(rpc);
    }
  }

  function answered(stream: GrpcStream, headers: SentHeaders | undefined): void {
    const rpc = stream[known]?.rpc;
    if (rpc === undefined || rpc.isWorking) {
      return;
    }
    const status = headers === undefined || isRaw(headers) ? undefined : headers["grpc-status"];
    if (status === undefined) {
      // It was no call of gRPC, as with another content type: there is nothing to tell.
      rpc.isTold = true;
      return;
    }
    noteStatus(rpc, Number(status));
    rpcs.tell(rpc);
  }

  function keep(stream: GrpcStream, path: string, headers: http2.IncomingHttpHeaders): Known {
    const { name: method, isOwn } = methods.get(path) ?? OTHER;
    const peer = rpcs.peerOfSession(stream.session);
    const rpc = rpcs.open({ system: "grpc", method, peer, headers });
    const timeout = headers["grpc-timeout"];
    lastNumber += 1;
    return {
      rpc,
      timeout: timeout === undefined ? undefined : String(timeout),
      stream,
      number: isOwn ? String(lastNumber) : "",
    };
  }

  return {
    opened(stream, path, headers) {
      const kept = keep(stream, path, headers);
      stream[known] = kept;
      stream.on("close", onClose);
      delete headers["grpc-timeout"];
      if (kept.number === "") {
        delete headers[STREAM_HEADER];
        stream.sendTrailers = sendTrailers;
      } else {
        headers[STREAM_HEADER] = kept.number;
        open.set(kept.number, kept);
      }
    },
    answered,
    of: (metadata) => open.get(numberIn(metadata)),
    reset(metadata, code) {
      open.get(numberIn(metadata))?.stream.close(code);
    },
  };
}

type Method = {
  /** As `RpcEnd.method` has it. */
  readonly name: string;
  readonly isOwn: boolean;
};

const OTHER: Method = { name: OTHER_METHOD, isOwn: false };

/** By path, so that every call of a method has the one name. */
function methodsOf(
  own: ReadonlySet<string>,
  foreign: ReadonlySet<string>,
): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  for (const path of foreign) {
    methods.set(path, { name: path.slice(1), isOwn: false });
  }
  for (const path of own) {
    methods.set(path, { name: path.slice(1), isOwn: true });
  }
  return methods;
}

/** Absent of streams that were not told to be opened. */
export function rpcOfStream(stream: GrpcStream): OpenRpc | undefined {
  return stream[known]?.rpc;
}

function numberIn(metadata: CallMetadata): string {
  return String(metadata.get(STREAM_HEADER)[0]);
}

function createTellingTrailers(
  answered: GrpcStreams["answered"],
): http2.ServerHttp2Stream["sendTrailers"] {
  /** Of the class of all streams, which is not public. */
  let plain: http2.ServerHttp2Stream["sendTrailers"] | undefined;
  return function tellingTrailers(this: GrpcStream, headers) {
    plain ??= inherited(this, "sendTrailers");
    plain.call(this, headers);
    answered(this, headers);
  };
}

/** What a stream has from its class, behind a property of its own. */
export function inherited<Name extends "respond" | "sendTrailers">(
  stream: http2.ServerHttp2Stream,
  name: Name,
): http2.ServerHttp2Stream[Name] {
  return Reflect.get(Reflect.getPrototypeOf(stream) ?? stream, name);
}

export function isRaw(headers: SentHeaders): headers is readonly string[] {
  return Array.isArray(headers);
}
