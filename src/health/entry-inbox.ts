import type { Turns } from "./turns.ts";

/** The newest thing of every key, handled one by one in turns. */
export type EntryInbox<T> = {
  put(key: string, item: T): void;
};

export type EntryInboxPorts<T> = {
  /** Must not throw. */
  readonly handle: (item: T) => void;
  /** Nothing waits any more. */
  readonly emptied: () => void;
  readonly turns: Turns;
};

/**
 * A thousand tables may come in one go, and decoding them all at once would hold up every call. What was
 * overtaken before its turn is not handled.
 */
export function createEntryInbox<T>({ handle, emptied, turns }: EntryInboxPorts<T>): EntryInbox<T> {
  const waiting = new Map<string, T>();
  let isRunning = false;

  async function run(): Promise<void> {
    // Whatever comes in the same go is in the map by then.
    await turns.next();
    for (const [key, item] of waiting) {
      waiting.delete(key);
      handle(item);
      if (turns.isOver()) {
        await turns.next();
      }
    }
    isRunning = false;
    emptied();
  }

  return {
    put(key, item) {
      waiting.set(key, item);
      if (!isRunning) {
        isRunning = true;
        void run();
      }
    },
  };
}
