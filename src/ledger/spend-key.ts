/** Different lists have different keys, whatever characters the texts hold. */
export function keyOf(texts: readonly string[]): string {
  let key = "";
  for (const text of texts) {
    key += `${text.length}:${text}`;
  }
  return key;
}

type Labels = Readonly<Record<string, string>>;

/** The order in which a caller writes its labels is no difference. */
export function keyOfLabels(labels: Labels): string {
  const entries = Object.entries(labels);
  const sorted = entries.length > 1 ? entries.sort(byName) : entries;
  let key = "";
  for (const [name, value] of sorted) {
    key += `${name.length}:${name}${value.length}:${value}`;
  }
  return key;
}

function byName([left]: readonly [string, string], [right]: readonly [string, string]): number {
  return left < right ? -1 : 1;
}

/** Whether both have the same key, found without making it. */
export function haveSameLabels(left: Labels, right: Labels): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => Object.hasOwn(right, name) && left[name] === right[name])
  );
}
