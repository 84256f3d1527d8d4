/**
 * Hands pushed values to whoever pulls them: the bridge from handlers, which push, to connect-es, which
 * pulls. The only place where a stream costs a promise per message.
 *
 * The queue has no bound of its own. Whoever pushes watches it through `onTaken`, see `write-guard.ts`.
 */
export type PushIterable<Value> = {
  readonly iterable: AsyncIterable<Value>;
  push(value: Value): void;
  /** After the queued values. */
  end(): void;
  /** After the queued values. */
  fail(error: Error): void;
};

export type PushIterableOptions = {
  /** The reader has come back for more: the oldest value that was not taken yet is written. */
  readonly onTaken: () => void;
  /** The reader has gone before the end. */
  readonly onReturn: () => void;
};

export function createPushIterable<Value>({
  onTaken,
  onReturn,
}: PushIterableOptions): PushIterable<Value> {
  let queue: Value[] = [];
  let head = 0;
  let handedOut = false;
  let over: { readonly error: Error | undefined } | undefined;
  let waiting:
    | { resolve(result: IteratorResult<Value, undefined>): void; reject(error: Error): void }
    | undefined;

  function take(): IteratorResult<Value, undefined> | undefined {
    if (head === queue.length) {
      return undefined;
    }
    const value = queue[head] as Value;
    head += 1;
    if (head === queue.length) {
      queue = [];
      head = 0;
    }
    handedOut = true;
    return { done: false, value };
  }

  function settle(): void {
    const reader = waiting;
    if (reader === undefined) {
      return;
    }
    const result = take();
    if (result === undefined && over === undefined) {
      return;
    }
    waiting = undefined;
    if (result !== undefined) {
      reader.resolve(result);
    } else if (over?.error !== undefined) {
      reader.reject(over.error);
    } else {
      reader.resolve({ done: true, value: undefined });
    }
  }

  function finish(error: Error | undefined): void {
    over ??= { error };
    settle();
  }

  const iterator: AsyncIterator<Value, undefined> = {
    next() {
      if (handedOut) {
        handedOut = false;
        onTaken();
      }
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        settle();
      });
    },
    return() {
      if (over === undefined) {
        onReturn();
      }
      over = { error: undefined };
      queue = [];
      head = 0;
      return Promise.resolve({ done: true, value: undefined });
    },
  };

  return {
    iterable: { [Symbol.asyncIterator]: () => iterator },
    push(value) {
      if (over === undefined) {
        queue.push(value);
        settle();
      }
    },
    end: () => finish(undefined),
    fail: finish,
  };
}
