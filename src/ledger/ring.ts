/** The newest items of a sequence. */
export type Ring<Item> = {
  /** The oldest one makes room when it is full. */
  push(item: Item): void;
  /** Newest first. */
  newestFirst(): Item[];
};

/** `capacity` is a whole number; 0 keeps nothing. */
export function createRing<Item>(capacity: number): Ring<Item> {
  const items: Item[] = [];
  let next = 0;
  return {
    push(item) {
      if (capacity === 0) {
        return;
      }
      items[next] = item;
      next = next + 1 === capacity ? 0 : next + 1;
    },
    newestFirst: () => [...items.slice(0, next).reverse(), ...items.slice(next).reverse()],
  };
}
