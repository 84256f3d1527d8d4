/**
 * What is done below the public interface of grpc-js, which keeps the connections of the gRPC port.
 *
 * - Streams are dispatched before it gets them: those that call our own methods never reach it.
 * - Receive windows stay at 64 KB, which limits a large prompt to one window per round trip.
 * - A drain that begins with GOAWAY refuses streams that are on their way.
 * - Without channelz it forgets its connections on a forced shutdown.
 *
 * All of it hangs on the HTTP/2 servers inside, their listeners and one method, which are not public. An
 * upgrade that moves them fails at start, not in production.
 */
import type http2 from "node:http2";
import net from "node:net";
import type { Server } from "@grpc/grpc-js";
import type { Log, Schedule } from "../domain/ports.ts";
import { announceGoaway } from "./announce-goaway.ts";
import type { GrpcDispatch } from "./grpc-dispatch.ts";

export type GrpcSessionHooks = {
  /** Accepts no more connections and asks for no more streams; resolves when none is on its way. */
  stopAccepting(): Promise<void>;
  /** Closes every connection at once. */
  destroyAll(): void;
};

export type GrpcSessionHooksOptions = {
  readonly dispatch: GrpcDispatch;
  readonly schedule: Schedule;
  readonly log: Log;
};

const STREAM_WINDOW_BYTES = 1_048_576;
const CONNECTION_WINDOW_BYTES = 4_194_304;

/** Throws when grpc-js keeps its inside elsewhere. */
export function hookGrpcSessions(
  server: Server,
  { dispatch, schedule, log }: GrpcSessionHooksOptions,
): GrpcSessionHooks {
  const sessions = new Set<http2.ServerHttp2Session>();
  const sockets = new Set<net.Socket>();
  const http2Servers = http2ServersOf(server);
  const count = streamCounterOf(server);
  for (const http2Server of http2Servers) {
    dispatchStreams(http2Server, { dispatch, count });
    http2Server.on("session", (session) => setUpSession(session, sessions, log));
    http2Server.on("connection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    http2Server.on("sessionError", (error: Error) => {
      log("debug", "gRPC session failed", { error: error.message });
    });
  }
  return {
    async stopAccepting() {
      for (const http2Server of http2Servers) {
        // The HTTP/2 server's own `close` would also close its sessions at once.
        net.Server.prototype.close.call(http2Server);
      }
      await Promise.all([...sessions].map((session) => announceGoaway(session, schedule)));
    },
    destroyAll() {
      for (const session of sessions) {
        session.destroy();
      }
      for (const socket of sockets) {
        socket.destroy();
      }
    },
  };
}

type Dispatching = {
  readonly dispatch: GrpcDispatch;
  readonly count: (stream: http2.ServerHttp2Stream) => void;
};

/** Puts the dispatch in the place of the listener of grpc-js, which gets what is left to it. */
function dispatchStreams(http2Server: http2.Http2Server, { dispatch, count }: Dispatching): void {
  const [theirs, ...more] = http2Server.listeners("stream");
  if (theirs === undefined || more.length > 0) {
    throw moved("listener of streams");
  }
  http2Server.removeAllListeners("stream");
  http2Server.on("stream", (stream, headers, flags, rawHeaders) => {
    if (dispatch(stream, headers, rawHeaders)) {
      count(stream);
    } else {
      Reflect.apply(theirs, http2Server, [stream, headers, flags]);
    }
  });
}

/** By what it counts the streams of a connection, which is idle without any. */
function streamCounterOf(server: Server): Dispatching["count"] {
  const counter: unknown = Reflect.get(server, "onStreamOpened");
  if (typeof counter !== "function") {
    throw moved("count of streams");
  }
  return (stream) => Reflect.apply(counter, server, [stream]);
}

function setUpSession(
  session: http2.ServerHttp2Session,
  sessions: Set<http2.ServerHttp2Session>,
  log: Log,
): void {
  sessions.add(session);
  session.once("close", () => sessions.delete(session));
  session.on("error", (error: Error) =>
    log("debug", "gRPC session failed", { error: error.message }),
  );
  session.settings({ initialWindowSize: STREAM_WINDOW_BYTES });
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
}

function http2ServersOf(server: Server): readonly http2.Http2Server[] {
  const inside: unknown = Reflect.get(server, "http2Servers");
  const servers = inside instanceof Map ? [...inside.keys()] : [];
  if (servers.length === 0 || !servers.every((found) => typeof found?.listeners === "function")) {
    throw moved("HTTP/2 servers");
  }
  return servers;
}

function moved(what: string): Error {
  return new Error(`@grpc/grpc-js keeps its ${what} elsewhere: adapt grpc-session-hooks.ts`);
}
