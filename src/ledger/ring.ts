/** The newest items of a sequence, each with the number it was pushed with. */
export type Ring<Item> = {
  /** The oldest one makes room when it is full. `sequence` grows from push to push. */
  push(item: Item, sequence: number): void;
  /** Stands at the newest item. Goes on while the ring is pushed to; what makes room then is left out. */
  walk(): RingWalk<Item>;
};

/** One way through a ring, from the newest item to the oldest. */
export type RingWalk<Item> = {
  /** Of the item that it stands at; -1: there is none left. */
  sequence(): number;
  /** Only while there is one. */
  item(): Item;
  next(): void;
};

/** `capacity` is a whole number; 0 keeps nothing. */
export function createRing<Item>(capacity: number): Ring<Item> {
  const items: Item[] = [];
  const sequences: number[] = [];
  let pushed = 0;
  return {
    push(item, sequence) {
      if (capacity === 0) {
        return;
      }
      const place = pushed % capacity;
      items[place] = item;
      sequences[place] = sequence;
      pushed += 1;
    },
    walk() {
      let at = pushed - 1;
      return {
        sequence: () =>
          at >= 0 && at >= pushed - capacity ? (sequences[at % capacity] as number) : -1,
        // Both have an item at every place below `pushed`.
        item: () => items[at % capacity] as Item,
        next() {
          at -= 1;
        },
      };
    },
  };
}
