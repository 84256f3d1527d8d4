import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection, NodeConnectionOptions, Status } from "@nats-io/transport-node";
import { connect } from "@nats-io/transport-node";
import type { Bus } from "../domain/bus.ts";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import { type AckedPublisher, createAckedPublisher } from "./acked-publisher.ts";
import { isDenied } from "./bus-error.ts";
import { createLinkLog, type LinkLog } from "./link-log.ts";
import { connectionSettings, type NatsBusOptions } from "./nats-options.ts";
import { createPauses, type Pauses } from "./pauses.ts";
import { createStatusBoard, type StatusBoard } from "./status-board.ts";
import {
  DEFAULT_REPORT_BYTES,
  ensureStreams,
  expectStreams,
  type StreamPlacement,
} from "./streams.ts";
import { createWaitingRoom, type WaitingRoom } from "./waiting-room.ts";

/** A connection whose streams exist, until it or one of them is lost. */
export type NatsSession = {
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  /** For the many; what is published now and then goes by `jetstream`. */
  readonly publisher: AckedPublisher;
  /** Aborts when the session is over: whatever runs on it begins anew on the next. */
  readonly over: AbortSignal;
};

export type NatsLink = Pick<Bus, "status" | "onStatus" | "close"> & {
  readonly pauses: Pauses;
  /** The session there is: for whoever is asked too often to wait for a promise. */
  current(): NatsSession | undefined;
  /** The session there is, or the next. Rejects with `BusUnavailable` after `patienceMs` or on close. */
  session(patienceMs: number): Promise<NatsSession>;
  /** As `work`, but every error is a `BusUnavailable`, and closing rejects at once. */
  guard<T>(work: Promise<T>): Promise<T>;
  /** Something the session relied on was missing: looks after the streams again. */
  suspect(session: NatsSession): void;
};

/** For answers of JetStream's API. */
const API_TIMEOUT_MS = 5_000;

/** Closing waits no longer for a client that is busy dialling. */
const CLOSE_PATIENCE_MS = 1_000;

type State = {
  readonly settings: NodeConnectionOptions;
  /** Absent: streams are left alone. */
  readonly placement: StreamPlacement | undefined;
  readonly schedule: Schedule;
  readonly nowMs: NowMs;
  readonly log: Log;
  readonly linkLog: LinkLog;
  readonly pauses: Pauses;
  readonly board: StatusBoard;
  readonly room: WaitingRoom<NatsSession>;
  session: { readonly value: NatsSession; readonly end: AbortController } | undefined;
  connection: NatsConnection | undefined;
  /** Grows whenever what was being prepared is void. */
  generation: number;
  /** Dials in a row that led to nothing. */
  failures: number;
};

/**
 * Keeps a connection for ever, and with it the streams.
 *
 * The client reconnects by itself, but may also give up and close, and its wait for the first
 * connection cannot be called off: so the first dial and every closed connection come back here. What
 * is published while disconnected the client drops in silence; nobody publishes without a session.
 */
export function createNatsLink(options: NatsBusOptions): NatsLink {
  const { schedule, random, nowMs, log } = options;
  const { connection: settings, hosts, secrets } = connectionSettings(options);
  const state: State = {
    settings,
    placement: placementOf(options),
    schedule,
    nowMs,
    log,
    linkLog: createLinkLog({ log, nowMs, hosts, secrets }),
    pauses: createPauses(schedule, random),
    board: createStatusBoard(log),
    room: createWaitingRoom(schedule),
    session: undefined,
    connection: undefined,
    generation: 0,
    failures: 0,
  };
  void keepConnected(state);
  return {
    pauses: state.pauses,
    status: state.board.current,
    onStatus: state.board.listen,
    guard: state.room.guard,
    current: () => state.session?.value,
    session: (patienceMs) =>
      state.session === undefined
        ? state.room.next(patienceMs)
        : Promise.resolve(state.session.value),
    suspect(session) {
      if (state.session?.value === session && state.connection !== undefined) {
        lose(state);
        void prepare(state, state.connection);
      }
    },
    close: () => close(state),
  };
}

function placementOf(options: NatsBusOptions): StreamPlacement | undefined {
  const { readOnly = false, replicas = 1, storage = "file", reportBytes } = options;
  return readOnly
    ? undefined
    : { replicas, storage, reportBytes: reportBytes ?? DEFAULT_REPORT_BYTES };
}

function isClosed(state: State): boolean {
  return state.board.current() === "closed";
}

async function keepConnected(state: State): Promise<void> {
  const { pauses } = state;
  while (!isClosed(state)) {
    try {
      const connection = await connect({
        ...state.settings,
        reconnectDelayHandler: () => pauses.backoffMs(state.failures),
      });
      await (isClosed(state) ? connection.close() : serve(state, connection));
    } catch (error) {
      state.linkLog.lost(error);
    }
    await pauses.pause(pauses.backoffMs(state.failures++));
  }
}

async function serve(state: State, connection: NatsConnection): Promise<void> {
  state.connection = connection;
  state.failures = 0;
  void watch(state, connection);
  void prepare(state, connection);
  const problem = await connection.closed();
  state.connection = undefined;
  if (!isClosed(state)) {
    lose(state);
    state.linkLog.lost(problem ?? new Error("the connection was closed"));
  }
}

async function watch(state: State, connection: NatsConnection): Promise<void> {
  for await (const event of connection.status()) {
    if (state.connection === connection) {
      react(state, connection, event);
    }
  }
}

function react(state: State, connection: NatsConnection, event: Status): void {
  switch (event.type) {
    case "disconnect":
      lose(state);
      state.linkLog.trouble("NATS is disconnected; trying on", "connection lost");
      return;
    case "reconnecting":
      state.failures++;
      return;
    case "reconnect":
      state.failures = 0;
      void prepare(state, connection);
      return;
    case "error":
      if (isDenied(event.error)) {
        state.session?.value.publisher.deny(event.error);
      }
      state.linkLog.lost(event.error);
      return;
    case "staleConnection":
    case "ldm":
    case "slowConsumer":
      state.linkLog.trouble(`NATS reports ${event.type}`, event.type);
      return;
    default:
      return;
  }
}

/** Sees to the streams on the connection and opens a session, trying until one or the other is void. */
async function prepare(state: State, connection: NatsConnection): Promise<void> {
  const generation = ++state.generation;
  for (let failures = 0; generation === state.generation; failures++) {
    try {
      const manager = await jetstreamManager(connection, {
        timeout: API_TIMEOUT_MS,
        checkAPI: false,
      });
      await (state.placement === undefined
        ? expectStreams(manager)
        : ensureStreams(manager, state.placement, state.log));
      if (generation === state.generation) {
        begin(state, connection, manager);
      }
      return;
    } catch (error) {
      state.linkLog.trouble("NATS is connected, but its streams are not to be had", error);
      await state.pauses.pause(state.pauses.backoffMs(failures));
    }
  }
}

function begin(state: State, connection: NatsConnection, manager: JetStreamManager): void {
  const end = new AbortController();
  const client = jetstream(connection, { timeout: API_TIMEOUT_MS });
  const { schedule, nowMs } = state;
  const over = end.signal;
  const publisher = createAckedPublisher({ connection, over, schedule, nowMs });
  const value = { jetstream: client, manager, publisher, over };
  state.session = { value, end };
  state.linkLog.recovered();
  state.log("info", "NATS is connected", { server: connection.getServer() });
  state.board.set("connected");
  state.room.offer(value);
}

function lose(state: State): void {
  state.generation++;
  const { session } = state;
  state.session = undefined;
  session?.end.abort();
  state.board.set("connecting");
}

async function close(state: State): Promise<void> {
  if (isClosed(state)) {
    return;
  }
  const { connection } = state;
  // First: nothing is said after it, so losing the session is no change any more.
  state.board.set("closed");
  lose(state);
  state.room.close();
  const { promise: patience, resolve } = Promise.withResolvers<void>();
  const cancel = state.schedule(CLOSE_PATIENCE_MS, resolve);
  await Promise.race([connection?.close(), patience]);
  cancel();
  state.pauses.end();
}
