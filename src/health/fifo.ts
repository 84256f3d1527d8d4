/** A queue. `shift` of a long array moves all that stay; this one moves them once in a while. */
export type Fifo<T> = {
  push(item: T): void;
  /** The one that waits longest. */
  shift(): T | undefined;
};

const KEPT_HOLES = 64;

export function createFifo<T>(): Fifo<T> {
  let items: (T | undefined)[] = [];
  let first = 0;
  return {
    push(item) {
      items.push(item);
    },
    shift() {
      const item = items[first];
      if (first === items.length) {
        return undefined;
      }
      items[first] = undefined;
      first += 1;
      if (first > KEPT_HOLES && first * 2 > items.length) {
        items = items.slice(first);
        first = 0;
      }
      return item;
    },
  };
}
