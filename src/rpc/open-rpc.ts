import type { Log, NowMs, RpcEnd, RpcSink } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import type { BeginTrace, TraceContext } from "../domain/trace.ts";
import { grpcCodes, statusRules, WireError } from "./status.ts";

/** One RPC from its headers on. What is known of its end is noted as it comes, and told once. */
export type OpenRpc = {
  readonly system: RpcEnd["system"];
  readonly method: string;
  readonly trace: TraceContext;
  readonly connection: RpcConnection;
  /** Epoch milliseconds, when its headers were there: its caller's timeout runs from here. */
  readonly begunAtMs: number;
  /** Epoch milliseconds, when its request was there; until then `begunAtMs`. */
  receivedAtMs: number;
  callId: string | undefined;
  /** As in `RpcEnd`. */
  repeats: TraceContext | undefined;
  /** Empty until something is known. */
  status: string;
  reason: string | undefined;
  /** A handler works on it, whose end is awaited. */
  isWorking: boolean;
  isTold: boolean;
};

/** Both ends of what an RPC came through. */
export type RpcConnection = Pick<RpcEnd, "peer" | "server">;

export const NO_CONNECTION: RpcConnection = { peer: "", server: undefined };

export type RpcOpening = {
  readonly system: RpcEnd["system"];
  readonly method: string;
  readonly connection: RpcConnection;
  /** Headers of the request; `tracestate` may have come in several lines. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** Opens the RPCs of a listener and tells their ends. */
export type RpcTeller = {
  open(opening: RpcOpening): OpenRpc;
  /** As `connectionOf` its socket, read once a session; `NO_CONNECTION` when it has gone. */
  connectionOfSession(session: Session | undefined): RpcConnection;
  /** Does nothing for one that was told before. Never throws: the first error of a sink is logged. */
  tell(rpc: OpenRpc): void;
};

export type RpcTellerPorts = {
  readonly beginTrace: BeginTrace;
  readonly onRpcEnd: RpcSink;
  readonly nowMs: NowMs;
  readonly log: Log;
};

/** `RpcEnd.method` of what no service has: names of callers must not become names of series. */
export const OTHER_METHOD = "_OTHER";

export function createRpcTeller(ports: RpcTellerPorts): RpcTeller {
  const { beginTrace, onRpcEnd, nowMs, log } = ports;
  let hasFailed = false;
  return {
    connectionOfSession: createSessionConnections(),

    open({ system, method, connection, headers }) {
      const { traceparent, tracestate } = headers;
      const begunAtMs = nowMs();
      return {
        system,
        method,
        // A line that came twice is no `traceparent`; those of `tracestate` belong together.
        trace: beginTrace(
          typeof traceparent === "string" ? traceparent : undefined,
          typeof tracestate === "object" ? tracestate.join(",") : tracestate,
        ),
        connection,
        begunAtMs,
        receivedAtMs: begunAtMs,
        callId: undefined,
        repeats: undefined,
        status: "",
        reason: undefined,
        isWorking: false,
        isTold: false,
      };
    },

    tell(rpc) {
      if (rpc.isTold) {
        return;
      }
      rpc.isTold = true;
      try {
        onRpcEnd({
          system: rpc.system,
          method: rpc.method,
          trace: rpc.trace,
          receivedAtMs: rpc.receivedAtMs,
          endedAtMs: nowMs(),
          status: rpc.status,
          reason: rpc.reason,
          callId: rpc.callId,
          repeats: rpc.repeats,
          peer: rpc.connection.peer,
          server: rpc.connection.server,
        });
      } catch (error) {
        if (!hasFailed) {
          hasFailed = true;
          log("error", "the end of an RPC was not taken", { error });
        }
      }
    },
  };
}

/** An error that is known already stands. */
export function noteSuccess(rpc: OpenRpc): void {
  if (rpc.status === "") {
    rpc.status = "OK";
  }
}

/** Overrules a success, which then did not arrive; the first error stands. */
export function noteError(rpc: OpenRpc, error: unknown): void {
  if (rpc.status !== "" && rpc.status !== "OK") {
    return;
  }
  const isTyped = error instanceof RouterError || error instanceof WireError;
  const { code, reason } = statusRules[isTyped ? error.code : "internal"];
  rpc.status = statusName(code);
  rpc.reason = reason;
}

/** Of answers that others made: only their status can be seen. */
export function noteStatus(rpc: OpenRpc, code: number): void {
  if (rpc.status === "") {
    rpc.status = statusName(code);
  }
}

/** Its caller has left, or the connection has: no answer has arrived. */
export function noteGone(rpc: OpenRpc): void {
  noteError(rpc, GONE);
}

const GONE = new RouterError("canceled", "The caller has gone.");

const names: readonly string[] = Object.entries(grpcCodes)
  .sort(([, left], [, right]) => left - right)
  .map(([word]) => word.toUpperCase().replaceAll("-", "_"));

/** `INVALID_ARGUMENT`; numbers that gRPC does not have are `UNKNOWN`. */
export function statusName(code: number): string {
  return names[code] ?? "UNKNOWN";
}

/** What is left of the caller's timeout when its request is there: a slow upload has used some of it. */
export function timeoutLeftMs(
  { begunAtMs, receivedAtMs }: OpenRpc,
  timeoutMs: number | undefined,
): number | undefined {
  return timeoutMs === undefined ? undefined : Math.max(0, timeoutMs - (receivedAtMs - begunAtMs));
}

type Socket = {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
};

/** The peer as `192.0.2.1:5000` or `[2001:db8::1]:5000`; `NO_CONNECTION` when it has gone. */
export function connectionOf(socket: Socket): RpcConnection {
  const { remoteAddress, remotePort, localAddress, localPort: port } = socket;
  if (remoteAddress === undefined) {
    return NO_CONNECTION;
  }
  const host = plainAddress(remoteAddress);
  const peer = `${host.includes(":") ? `[${host}]` : host}:${remotePort}`;
  return localAddress === undefined || port === undefined
    ? { peer, server: undefined }
    : { peer, server: { host: plainAddress(localAddress), port } };
}

const MAPPED = "::ffff:";

/** A listener on `::` has IPv4 addresses as `::ffff:192.0.2.1`. */
function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes(".")
    ? address.slice(MAPPED.length)
    : address;
}

type Session = { readonly socket: Socket };

/** The socket of a session is behind a proxy, which is slow to read for every stream. */
function createSessionConnections(): RpcTeller["connectionOfSession"] {
  const connections = new WeakMap<Session, RpcConnection>();
  return (session) => {
    if (session === undefined) {
      return NO_CONNECTION;
    }
    let connection = connections.get(session);
    if (connection === undefined) {
      try {
        connection = connectionOf(session.socket);
      } catch {
        // The session has ended in between, and its socket cannot be read any more.
        connection = NO_CONNECTION;
      }
      connections.set(session, connection);
    }
    return connection;
  };
}
