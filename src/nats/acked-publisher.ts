import { JetStreamApiError, PubHeaders } from "@nats-io/jetstream";
import {
  createInbox,
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  type PermissionViolationError,
} from "@nats-io/transport-node";
import type { NowMs, Schedule } from "../domain/ports.ts";
import { PassedOverError } from "./bus-error.ts";
import { positionOf } from "./publish-answer.ts";

/**
 * Publishes to a stream and waits for its confirmation, a thousand times a second for little.
 *
 * The client's own way makes a timer, promises and an error with a stack trace for each message, also
 * when all is well, which is half of what a message costs. Here all confirmations come to one
 * subscription, one timer looks after all that wait, and a message is itself what waits.
 *
 * Confirmations come one by one, and whoever sends the next message with each of them writes to the socket
 * as often. So they are handed out together: when none is outstanding any more, or 5 ms after the first.
 */
export type AckedPublisher = {
  /** Calls `stored` or `failed` of the message once; `failed` perhaps before it returns. Never throws. */
  publish(message: AckedMessage): void;
  /** The server denied one: the oldest on the subject that waits fails. */
  deny(error: PermissionViolationError): void;
  /**
   * Asks the stream for an answer to something that it does not store, on a subject that it took and
   * that is not this one: whether it passes over what was published before.
   */
  echo(subject: string): void;
};

export type AckedMessage = {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** Plain ASCII without line breaks, as all of the headers. */
  readonly id: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** By the publisher's clock; as precise as the look after it: 250 ms. */
  readonly deadlineMs: number;
  /** With the position in the stream. Must not throw. */
  readonly stored: (position: number) => void;
  /**
   * It is refused or denied, nobody answers, others are answered and it is not (`PassedOverError`), or the
   * session is over. Must not throw.
   */
  readonly failed: (error: Error) => void;
};

export type AckedPublisherOptions = {
  readonly connection: Pick<NatsConnection, "publish" | "subscribe">;
  readonly over: AbortSignal;
  readonly schedule: Schedule;
  readonly nowMs: NowMs;
};

const LOOK_MS = 250;

/** For an echo. */
const ECHO_MS = 2_000;

/** No stream has the name, so every stream refuses it and keeps nothing. */
const ECHO_HEADERS = { "Nats-Expected-Stream": "-" };

/** Part of what a confirmation takes; a sender with a bounded number under way still sends thousands a second. */
const GATHER_MS = 5;

type State = AckedPublisherOptions & {
  /** By the subject on which their confirmation comes. */
  readonly waiting: Map<string, AckedMessage>;
  /** Before the number in the subject of a confirmation. */
  readonly inbox: string;
  count: number;
  /** Of the last message that the stream answered, whatever it said. */
  answeredReply: string | undefined;
  /** Of the last that it stored. */
  storedSubject: string | undefined;
  /** Messages, and at the same index what came for them. */
  answered: AckedMessage[];
  answers: Msg[];
  cancelLook: (() => void) | undefined;
  cancelGathering: (() => void) | undefined;
};

export function createAckedPublisher(options: AckedPublisherOptions): AckedPublisher {
  const { connection, over } = options;
  const inbox = createInbox();
  const state: State = {
    ...options,
    waiting: new Map(),
    inbox,
    count: 0,
    answeredReply: undefined,
    storedSubject: undefined,
    answered: [],
    answers: [],
    cancelLook: undefined,
    cancelGathering: undefined,
  };
  const subscription = connection.subscribe(`${inbox}.*`, {
    callback: (_error, answer) => take(state, answer),
  });
  over.addEventListener(
    "abort",
    () => {
      subscription.unsubscribe();
      end(state);
    },
    { once: true },
  );
  return {
    publish: (message) => publish(state, message),
    deny: (error) => deny(state, error),
    echo: (subject) => echo(state, subject),
  };
}

function publish(state: State, message: AckedMessage): void {
  state.count += 1;
  const reply = `${state.inbox}.${state.count}`;
  const { connection, over, waiting, schedule } = state;
  if (over.aborted) {
    message.failed(new errors.ConnectionError("the session is over"));
    return;
  }
  const { subject, bytes, id, headers } = message;
  try {
    connection.publish(subject, bytes, { reply, headers: createFields(id, headers) });
  } catch (error) {
    message.failed(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  waiting.set(reply, message);
  state.cancelLook ??= schedule(LOOK_MS, () => look(state));
}

/** Every one that is denied is told of, in the order in which they came. */
function deny({ waiting }: State, error: PermissionViolationError): void {
  for (const [reply, message] of waiting) {
    if (message.subject === error.subject && error.operation === "publish") {
      waiting.delete(reply);
      message.failed(error);
      return;
    }
  }
}

function echo(state: State, notSubject: string): void {
  const { storedSubject: subject, nowMs } = state;
  if (subject === undefined || subject === notSubject) {
    return;
  }
  publish(state, {
    subject,
    bytes: new Uint8Array(),
    id: `echo-${state.inbox}.${state.count}`,
    headers: ECHO_HEADERS,
    deadlineMs: nowMs() + ECHO_MS,
    stored: () => undefined,
    failed: () => undefined,
  });
}

function take(state: State, answer: Msg): void {
  const { waiting } = state;
  const reply = answer.subject;
  const message = waiting.get(reply);
  if (message === undefined) {
    return;
  }
  waiting.delete(reply);
  state.answered.push(message);
  state.answers.push(answer);
  if (waiting.size === 0) {
    handOut(state);
  } else if (state.answers.length === 1) {
    // Most come with the others in one packet, which has been read when this runs: no timer then.
    queueMicrotask(() => gather(state));
  }
}

function gather(state: State): void {
  if (state.answers.length > 0) {
    state.cancelGathering ??= state.schedule(GATHER_MS, () => handOut(state));
  }
}

function handOut(state: State): void {
  const { answered, answers } = state;
  state.cancelGathering?.();
  state.cancelGathering = undefined;
  state.answered = [];
  state.answers = [];
  for (let index = 0; index < answered.length; index += 1) {
    // Both lists grow together.
    settle(state, answered[index] as AckedMessage, answers[index] as Msg);
  }
}

function look(state: State): void {
  const { waiting, schedule, nowMs } = state;
  const now = nowMs();
  for (const [reply, message] of waiting) {
    if (message.deadlineMs <= now) {
      waiting.delete(reply);
      message.failed(
        isPassedOver(state, reply) ? new PassedOverError() : new errors.TimeoutError(),
      );
    }
  }
  state.cancelLook = waiting.size > 0 ? schedule(LOOK_MS, () => look(state)) : undefined;
}

/** A stream answers in the order of publishing. */
function isPassedOver({ inbox, answeredReply }: State, reply: string): boolean {
  const numberOf = (subject: string) => Number(subject.slice(inbox.length + 1));
  return answeredReply !== undefined && numberOf(answeredReply) > numberOf(reply);
}

function end(state: State): void {
  const { waiting } = state;
  state.cancelLook?.();
  state.cancelLook = undefined;
  handOut(state);
  const left = [...waiting.values()];
  waiting.clear();
  for (const message of left) {
    message.failed(new errors.ConnectionError("the session is over"));
  }
}

function settle(state: State, message: AckedMessage, answer: Msg): void {
  const { subject, stored, failed } = message;
  const { data } = answer;
  if (data.length === 0 && answer.headers?.code === 503) {
    failed(new errors.NoRespondersError(subject));
    return;
  }
  state.answeredReply = answer.subject;
  const position = positionOf(data);
  if (position === undefined) {
    settleAtLength(answer, stored, failed);
  } else {
    state.storedSubject = subject;
    stored(position);
  }
}

/** Refusals, duplicates, and whatever a server may add. */
function settleAtLength(
  answer: Msg,
  stored: AckedMessage["stored"],
  failed: AckedMessage["failed"],
): void {
  let position: number;
  try {
    const read = answer.json<PublishAnswer>();
    if (read.error !== undefined) {
      throw new JetStreamApiError(read.error);
    }
    if (!Number.isSafeInteger(read.seq)) {
      throw new Error("it has no position");
    }
    position = read.seq;
  } catch (cause) {
    // Whatever it holds: those gathered behind it still have to hear of theirs.
    const isRefusal = cause instanceof JetStreamApiError;
    failed(isRefusal ? cause : new Error("a confirmation that cannot be read", { cause }));
    return;
  }
  stored(position);
}

/** https://docs.nats.io/reference/reference-protocols/nats_api_reference */
type PublishAnswer =
  | { readonly error: ConstructorParameters<typeof JetStreamApiError>[0] }
  | { readonly error?: undefined; readonly seq: number };

/**
 * Names and values are plain ASCII without line breaks (`bus-rules.ts`), so they are written as they are:
 * the client's own headers check and convert each of them twice, and of what is published it asks for
 * nothing but the bytes.
 */
function createFields(id: string, headers: AckedMessage["headers"]): MsgHdrs {
  let text = `NATS/1.0\r\n${PubHeaders.MsgIdHdr}: ${id}\r\n`;
  for (const name in headers) {
    text += `${name}: ${headers[name] ?? ""}\r\n`;
  }
  const bytes = Buffer.from(`${text}\r\n`, "latin1");
  // What `NatsConnection.publish` uses of it; the tests on real servers read every field back.
  const written: Pick<MsgHdrs, never> & { encode(): Uint8Array } = { encode: () => bytes };
  return written as MsgHdrs & typeof written;
}
