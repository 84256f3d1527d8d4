/** The best of what it was offered, in order. */
export type Best<Item> = {
  /** Takes an item if it is among the best, and returns the one that finds no room; absent: all have. */
  offer(item: Item): Item | undefined;
  /** Best first; among equals the first to be offered is first. */
  items(): readonly Item[];
};

/**
 * Chooses the `limit` best of many without sorting them all: what is not among the best costs one
 * comparison. `isBefore` is a strict order.
 */
export function createBest<Item>(
  limit: number,
  isBefore: (left: Item, right: Item) => boolean,
): Best<Item> {
  const best: Item[] = [];

  /** Behind everything that is not worse. */
  function placeOf(item: Item): number {
    let low = 0;
    let high = best.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(item, best[middle] as Item)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

  return {
    offer(item) {
      const last = best.at(-1);
      if (best.length >= limit && (last === undefined || !isBefore(item, last))) {
        return item;
      }
      best.splice(placeOf(item), 0, item);
      return best.length > limit ? best.pop() : undefined;
    },
    items: () => best,
  };
}
