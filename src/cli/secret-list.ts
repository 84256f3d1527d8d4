/** Values that must never be printed: those in use, and those that were. */
export type SecretList = {
  /** The values in use from now on. */
  use(values: readonly string[]): void;
  /** The same array until the next `use`. */
  all(): readonly string[];
};

/**
 * Far more than are replaced within the life of a call. Without an end, keys that rotate for months
 * would make every line of the log dearer.
 */
const MAX_RETIRED = 1_000;

/** Keeps the last 1,000 replaced values: a call that began with one may still repeat it. */
export function createSecretList(): SecretList {
  let all: readonly string[] = [];
  return {
    use(values) {
      const current = new Set(values);
      const retired = all.filter((value) => !current.has(value)).slice(-MAX_RETIRED);
      all = [...retired, ...current];
    },
    all: () => all,
  };
}
