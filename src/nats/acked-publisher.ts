import { JetStreamApiError, PubHeaders } from "@nats-io/jetstream";
import {
  headers as createHeaders,
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
 */
export type AckedPublisher = {
  /** Resolves when stored. Rejects when refused, when nobody answers, or when the session is over. */
  publish(subject: string, bytes: Uint8Array, options: AckedPublishOptions): Promise<void>;
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
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
};

const LOOK_MS = 250;

export function createAckedPublisher(options: AckedPublisherOptions): AckedPublisher {
  const { connection, over, schedule, nowMs } = options;
  const inbox = createInbox();
  const waiting = new Map<string, Waiting>();
  let count = 0;
  let cancelLook: (() => void) | undefined;

  const subscription = connection.subscribe(`${inbox}.*`, {
    callback(_error, message) {
      const waiter = waiting.get(message.subject);
      if (waiter !== undefined) {
        waiting.delete(message.subject);
        settle(waiter, message);
      }
    },
  });

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
    subscription.unsubscribe();
    for (const waiter of waiting.values()) {
      waiter.reject(new errors.ConnectionError("the session is over"));
    }
    waiting.clear();
  }

  over.addEventListener("abort", end, { once: true });

  return {
    publish(subject, bytes, { id, headers, timeoutMs }) {
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
      resolve();
    } else {
      reject(new JetStreamApiError(answer.error));
    }
  } catch (error) {
    reject(new Error("a confirmation that cannot be read", { cause: error }));
  }
}

/** https://docs.nats.io/reference/reference-protocols/nats_api_reference */
type PublishAnswer = { readonly error?: ConstructorParameters<typeof JetStreamApiError>[0] };

function createFields(id: string, headers: Readonly<Record<string, string>>): MsgHdrs {
  const fields = createHeaders();
  fields.set(PubHeaders.MsgIdHdr, id);
  for (const name of Object.keys(headers)) {
    fields.set(name, headers[name] ?? "");
  }
  return fields;
}
