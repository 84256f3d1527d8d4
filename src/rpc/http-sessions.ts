import type http2 from "node:http2";
import type net from "node:net";
import type { Log, Random, Schedule } from "../domain/ports.ts";
import { announceGoaway } from "./announce-goaway.ts";
import type { ListenerLimits } from "./listener-options.ts";

/** The connections of the HTTP listener: how old they get and how they end. */
export type HttpSessions = {
  addHttp2(session: http2.ServerHttp2Session): void;
  addHttp1(socket: net.Socket): void;
  /** A request has begun on a connection of HTTP/1.1. The function returned tells its end. */
  beginHttp1(socket: net.Socket): () => void;
  /** Whether the answer under way should be the connection's last. */
  isLast(socket: net.Socket): boolean;
  /**
   * Asks HTTP/2 peers to go, and those of HTTP/1.1 with their next answer: a connection closed while
   * a request is on its way would lose it.
   */
  closeGently(): void;
  /** Ends them all, after a moment in which the last answers leave. */
  closeAll(): Promise<void>;
};

export type HttpSessionsOptions = {
  readonly limits: ListenerLimits;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
};

/** Many prompts upload at once on one connection. */
const CONNECTION_WINDOW_BYTES = 4_194_304;
const GOODBYE_MS = 250;
const AGE_JITTER = 0.1;

export function createHttpSessions(options: HttpSessionsOptions): HttpSessions {
  const { schedule } = options;
  let onEmpty: () => void = () => undefined;
  const checkEmpty = () => {
    if (sessions.size + sockets.count() === 0) {
      onEmpty();
    }
  };
  const sessions = new Set<http2.ServerHttp2Session>();
  const sockets = createHttp1Sockets(options, () => checkEmpty());

  return {
    addHttp2(session) {
      sessions.add(session);
      session.once("close", () => {
        sessions.delete(session);
        checkEmpty();
      });
      setUpSession(session, options);
    },
    addHttp1: sockets.add,
    beginHttp1: sockets.begin,
    isLast: sockets.isLast,

    closeGently() {
      for (const session of sessions) {
        closeAnnounced(session, options);
      }
      sockets.closeGently();
    },

    closeAll() {
      return new Promise((resolve) => {
        const callOff = schedule(GOODBYE_MS, () => {
          for (const session of sessions) {
            session.destroy();
          }
          sockets.destroyAll();
        });
        onEmpty = () => {
          callOff();
          resolve();
        };
        checkEmpty();
      });
    },
  };
}

function setUpSession(session: http2.ServerHttp2Session, options: HttpSessionsOptions): void {
  const { limits, schedule, log } = options;
  const callOff = schedule(ageMs(options), () => endSession(session, options));
  session.once("close", callOff);
  session.on("error", (error: Error) => {
    log("debug", "an HTTP/2 session failed", { error: error.message });
  });
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
  session.setTimeout(limits.maxConnectionIdleMs, () => session.close());
}

function createHttp1Sockets(options: HttpSessionsOptions, onClose: () => void) {
  /** Calls in flight by connection. */
  const calls = new Map<net.Socket, number>();
  const old = new WeakSet<net.Socket>();
  let closing = false;

  function closeIfIdle(socket: net.Socket): void {
    if (calls.get(socket) === 0) {
      socket.end();
    }
  }

  function count(socket: net.Socket, by: number): void {
    const before = calls.get(socket);
    if (before !== undefined) {
      calls.set(socket, before + by);
    }
  }

  return {
    count: () => calls.size,
    add(socket: net.Socket) {
      calls.set(socket, 0);
      const callOff = options.schedule(ageMs(options), () => {
        old.add(socket);
        closeIfIdle(socket);
      });
      socket.once("close", () => {
        callOff();
        calls.delete(socket);
        onClose();
      });
    },
    begin(socket: net.Socket) {
      count(socket, 1);
      return () => count(socket, -1);
    },
    isLast: (socket: net.Socket) => closing || old.has(socket),
    closeGently() {
      closing = true;
    },
    destroyAll() {
      for (const socket of calls.keys()) {
        socket.destroy();
      }
    },
  };
}

function ageMs({ limits, random }: HttpSessionsOptions): number {
  return limits.maxConnectionAgeMs * (1 - AGE_JITTER + 2 * AGE_JITTER * random());
}

/** Its streams finish, new ones go to another connection. */
function closeAnnounced(
  session: http2.ServerHttp2Session,
  { schedule }: HttpSessionsOptions,
): void {
  announceGoaway(session, schedule).then(
    () => session.close(),
    () => session.destroy(),
  );
}

function endSession(session: http2.ServerHttp2Session, options: HttpSessionsOptions): void {
  closeAnnounced(session, options);
  const callOff = options.schedule(options.limits.maxConnectionAgeGraceMs, () => session.destroy());
  session.once("close", callOff);
}
