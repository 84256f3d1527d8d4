import { JetStreamApiError, type JsMsg } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import { BusUnavailable, type KeyValue, type KeyValueEntry } from "../domain/bus.ts";
import { keyProblem, valueProblem } from "../domain/bus-rules.ts";
import type { Log, Schedule } from "../domain/ports.ts";
import { isMissing, isWrongRevision } from "./bus-error.ts";
import type { NatsLink, NatsSession } from "./nats-link.ts";
import { readStream, type StreamReader } from "./stream-reader.ts";

export type NatsTableOptions = {
  readonly link: NatsLink;
  readonly schedule: Schedule;
  readonly log: Log;
  readonly bucket: string;
};

/** One operation on the table: a connection, if there is none, and an answer. */
const SESSION_PATIENCE_MS = 4_000;
const ENTRIES_PATIENCE_MS = 10_000;

/** 16 values of at most 512 KiB: 8 MiB at worst. */
const BATCH = 16;

/**
 * Runs `work` on the table. Reads go to the stream's leader: a follower may answer with what it had
 * before our own last write.
 */
export async function withTable<T>(
  { link, bucket }: Pick<NatsTableOptions, "link" | "bucket">,
  work: (table: KV, manager: NatsSession["manager"]) => Promise<T>,
): Promise<T> {
  async function run(): Promise<T> {
    const session = await link.session(SESSION_PATIENCE_MS);
    try {
      const table = await new Kvm(session.jetstream).open(bucket, { allow_direct: false });
      return await work(table, session.manager);
    } catch (error) {
      if (isMissing(error)) {
        link.suspect(session);
      }
      throw error;
    }
  }
  return await link.guard(run());
}

/** Writes if the revision is still the key's own; otherwise undefined. 0: the key does not exist. */
export async function writeIf(table: KV, entry: KeyValueEntry): Promise<number | undefined> {
  const { key, value, revision } = entry;
  try {
    // One try: a write whose confirmation was lost would fail against itself.
    return await (revision === 0 ? table.create(key, value) : table.update(key, value, revision));
  } catch (error) {
    if (isWrongRevision(error)) {
      return undefined;
    }
    throw error;
  }
}

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const SEQUENCE_NOT_FOUND = 10_043;
const DELETE_FAILED = 10_057;

/** Of a message that is not there: servers differ in which error that is. */
function isGone(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error.code === SEQUENCE_NOT_FOUND ||
      (error.code === DELETE_FAILED && /not found|no message/i.test(error.message)))
  );
}

/**
 * The message of that number is the key's value of that revision and no other, so whatever was written
 * since is safe. What the client calls purging would leave a marker of each key for ever, and a purge of
 * the stream by subject makes consumers of servers before 2.9.12 skip messages.
 */
async function removeMessage(
  { streams }: NatsSession["manager"],
  stream: string,
  revision: number,
): Promise<boolean> {
  try {
    return await streams.deleteMessage(stream, revision);
  } catch (error) {
    if (isGone(error)) {
      return false;
    }
    throw error;
  }
}

/** A table of JetStream's key-value kind. */
export function createNatsKeyValue(options: NatsTableOptions): KeyValue {
  const { link, schedule, log, bucket } = options;
  const prefix = `$KV.${bucket}.`;

  function read(take: (entry: KeyValueEntry) => void, hooks: Hooks): StreamReader {
    return readStream({
      link,
      schedule,
      log,
      stream: `KV_${bucket}`,
      batch: BATCH,
      from: { kind: "latest-per-subject", subjects: `${prefix}>` },
      began: hooks.began,
      caughtUp: hooks.caughtUp,
      take(message) {
        if (isWrite(message)) {
          take({
            key: message.subject.slice(prefix.length),
            // A copy: the message lies in a larger buffer of the connection, and values are kept long.
            value: message.data.slice(),
            revision: message.seq,
          });
        }
      },
    });
  }

  return {
    async get(key) {
      assertFine(keyProblem(key));
      const entry = await withTable(options, (table) => table.get(key));
      return entry === null || entry.operation !== "PUT"
        ? undefined
        : { key, value: entry.value, revision: entry.revision };
    },

    async put(key, value, revision) {
      assertFine(keyProblem(key) ?? valueProblem(value));
      return await withTable(options, (table) => writeIf(table, { key, value, revision }));
    },

    async remove(key, revision) {
      assertFine(keyProblem(key));
      return await withTable(options, async (table, manager) => {
        const entry = await table.get(key);
        return (
          entry?.revision === revision && (await removeMessage(manager, `KV_${bucket}`, revision))
        );
      });
    },

    watch(take) {
      return read(take, { began: () => {}, caughtUp: () => {} });
    },

    async entries() {
      const found = new Map<string, KeyValueEntry>();
      const complete = Promise.withResolvers<void>();
      const reader = read((entry) => found.set(entry.key, entry), {
        began: () => found.clear(),
        caughtUp: complete.resolve,
      });
      const cancel = schedule(ENTRIES_PATIENCE_MS, () =>
        complete.reject(new BusUnavailable("the entries of a table were not to be had in time")),
      );
      try {
        await link.guard(complete.promise);
        return [...found.values()];
      } finally {
        cancel();
        await reader.stop();
      }
    },
  };
}

type Hooks = { readonly began: () => void; readonly caughtUp: () => void };

function assertFine(problem: string | undefined): void {
  if (problem !== undefined) {
    throw new RangeError(problem);
  }
}

/** Markers of deletion are by other hands: `remove` leaves none. */
function isWrite(message: JsMsg): boolean {
  return !message.headers?.has("KV-Operation");
}
