import { BusUnavailable, type KeyValue, type KeyValueEntry } from "../domain/bus.ts";
import { keyProblem, valueProblem } from "../domain/bus-rules.ts";
import type { Log } from "../domain/ports.ts";

export type MemoryKeyValue = KeyValue & { close(): void };

type Watching = {
  readonly take: (entry: KeyValueEntry) => void;
  /** The newest of every key that was not handed out yet. */
  readonly waiting: Map<string, KeyValueEntry>;
  stopped: boolean;
};

/** A table in memory. A watcher that has not run yet sees only the newest value of each key. */
export function createMemoryKeyValue(log: Log): MemoryKeyValue {
  const table = new Map<string, KeyValueEntry>();
  const watchings = new Set<Watching>();
  let lastRevision = 0;
  let closed = false;

  function assertUsable(problem: string | undefined): void {
    if (problem !== undefined) {
      throw new RangeError(problem);
    }
    if (closed) {
      throw new BusUnavailable("the bus is closed");
    }
  }

  function tell(watching: Watching, entry: KeyValueEntry): void {
    if (watching.waiting.size === 0) {
      queueMicrotask(() => handOut(watching, log));
    }
    watching.waiting.set(entry.key, entry);
  }

  return {
    async get(key) {
      assertUsable(keyProblem(key));
      return table.get(key);
    },

    async put(key, value, revision) {
      assertUsable(keyProblem(key) ?? valueProblem(value));
      if ((table.get(key)?.revision ?? 0) !== revision) {
        return undefined;
      }
      const entry = { key, value: value.slice(), revision: ++lastRevision };
      table.set(key, entry);
      for (const watching of watchings) {
        tell(watching, entry);
      }
      return entry.revision;
    },

    async remove(key, revision) {
      assertUsable(keyProblem(key));
      return table.get(key)?.revision === revision && table.delete(key);
    },

    watch(take) {
      const watching: Watching = { take, waiting: new Map(), stopped: closed };
      if (!closed) {
        watchings.add(watching);
        for (const entry of table.values()) {
          tell(watching, entry);
        }
      }
      return {
        async stop() {
          watching.stopped = true;
          watchings.delete(watching);
        },
      };
    },

    async entries() {
      assertUsable(undefined);
      return [...table.values()];
    },

    close() {
      closed = true;
      for (const watching of watchings) {
        watching.stopped = true;
      }
      watchings.clear();
    },
  };
}

function handOut(watching: Watching, log: Log): void {
  const entries = [...watching.waiting.values()];
  watching.waiting.clear();
  for (const entry of entries) {
    if (watching.stopped) {
      return;
    }
    try {
      watching.take(entry);
    } catch (error) {
      log("error", "a watcher of scores threw", { key: entry.key, error });
    }
  }
}
