import { JetStreamApiError, PubHeaders } from "@nats-io/jetstream";
import {
  createInbox,
  errors,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
} from "@nats-io/transport-node";
import type { NowMs, Schedule } from "../domain/ports.ts";

/**
 * Publishes to a stream and waits for its confirmation, a thousand times a second for little.
 *
 * The client's own way makes a timer and an error with a stack trace for each message, also when all is
 * well, which is half of what a message costs. Here all confirmations come to one subscription, and one
 * timer looks after all that wait.
 *
 * Confirmations come one by one, and whoever sends the next message with each of them writes to the socket
 * as often. So they are handed out together: when none is outstanding any more, or 5 ms after the first.
 */
export type AckedPublisher = {
  /** Resolves with the position in the stream when stored. Rejects when refused, when nobody answers, or when the session is over. */
  publish(subject: string, bytes: Uint8Array, options: AckedPublishOptions): Promise<number>;
};

export type AckedPublishOptions = {
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  /** As precise as the look after it: 250 ms. */
  readonly timeoutMs: number;
};

export type AckedPublisherOptions = {
  readonly connection: NatsConnection;
  readonly over: AbortSignal;
  readonly schedule: Schedule;
  readonly nowMs: NowMs;
};

type Waiting = {
  readonly subject: string;
  readonly deadlineMs: number;
  readonly resolve: (sequence: number) => void;
  readonly reject: (error: Error) => void;
};

type Answered = { readonly waiter: Waiting; readonly message: Msg };

const LOOK_MS = 250;

/** Part of what a confirmation takes; a sender with a bounded number under way still sends thousands a second. */
const GATHER_MS = 5;

export function createAckedPublisher(options: AckedPublisherOptions): AckedPublisher {
  const { connection, over, schedule, nowMs } = options;
  const inbox = createInbox();
  const waiting = new Map<string, Waiting>();
  let answered: Answered[] = [];
  let count = 0;
  let cancelLook: (() => void) | undefined;
  let cancelGathering: (() => void) | undefined;

  const subscription = connection.subscribe(`${inbox}.*`, {
    callback(_error, message) {
      const waiter = waiting.get(message.subject);
      if (waiter !== undefined) {
        waiting.delete(message.subject);
        gather({ waiter, message });
      }
    },
  });

  function gather(one: Answered): void {
    answered.push(one);
    if (waiting.size === 0) {
      handOut();
    } else {
      cancelGathering ??= schedule(GATHER_MS, handOut);
    }
  }

  function handOut(): void {
    cancelGathering?.();
    cancelGathering = undefined;
    const all = answered;
    answered = [];
    for (const { waiter, message } of all) {
      settle(waiter, message);
    }
  }

  function look(): void {
    const now = nowMs();
    for (const [reply, waiter] of waiting) {
      if (waiter.deadlineMs <= now) {
        waiting.delete(reply);
        waiter.reject(new errors.TimeoutError());
      }
    }
    cancelLook = waiting.size > 0 ? schedule(LOOK_MS, look) : undefined;
  }

  function end(): void {
    cancelLook?.();
    cancelLook = undefined;
    subscription.unsubscribe();
    handOut();
    for (const waiter of waiting.values()) {
      waiter.reject(new errors.ConnectionError("the session is over"));
    }
    waiting.clear();
  }

  over.addEventListener("abort", end, { once: true });

  return {
    publish(subject, bytes, { id, headers, timeoutMs }) {
      if (over.aborted) {
        return Promise.reject(new errors.ConnectionError("the session is over"));
      }
      return new Promise((resolve, reject) => {
        const reply = `${inbox}.${++count}`;
        const fields = createFields(id, headers);
        connection.publish(subject, bytes, { reply, headers: fields });
        waiting.set(reply, { subject, deadlineMs: nowMs() + timeoutMs, resolve, reject });
        cancelLook ??= schedule(LOOK_MS, look);
      });
    },
  };
}

function settle({ subject, resolve, reject }: Waiting, message: Msg): void {
  if (message.data.length === 0 && message.headers?.code === 503) {
    reject(new errors.NoRespondersError(subject));
    return;
  }
  try {
    const answer = message.json<PublishAnswer>();
    if (answer.error === undefined) {
      resolve(answer.seq);
    } else {
      reject(new JetStreamApiError(answer.error));
    }
  } catch (error) {
    reject(new Error("a confirmation that cannot be read", { cause: error }));
  }
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
function createFields(id: string, headers: Readonly<Record<string, string>>): MsgHdrs {
  let text = `NATS/1.0\r\n${PubHeaders.MsgIdHdr}: ${id}\r\n`;
  for (const name of Object.keys(headers)) {
    text += `${name}: ${headers[name] ?? ""}\r\n`;
  }
  const bytes = Buffer.from(`${text}\r\n`, "latin1");
  // What `NatsConnection.publish` uses of it; the tests on real servers read every field back.
  const written: Pick<MsgHdrs, never> & { encode(): Uint8Array } = { encode: () => bytes };
  return written as MsgHdrs & typeof written;
}
