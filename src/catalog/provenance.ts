import type { Provenance } from "../domain/endpoint.ts";

/** A line that pages and terminals can still show. */
const MAX_SOURCE_LENGTH = 200;

/** The source as one line of at most 200 characters; one that was shortened ends in `…`. */
export function provenanceOf({ source, date }: Provenance): Provenance {
  return Object.freeze({ source: shorten(oneLine(source), MAX_SOURCE_LENGTH), date });
}

/**
 * Where an entry is from, with one part of it that can be from elsewhere.
 *
 * The date is the entry's. Its source names that of the part, with its date, where the two differ:
 * `models.dev; price: contract 7 (2026-11-02)`. When that is too long, each source keeps at least half
 * of the room.
 */
export function provenanceWith(
  entry: Provenance,
  name: string,
  part: Provenance | undefined,
): Provenance {
  if (part === undefined || (part.source === entry.source && part.date === entry.date)) {
    return provenanceOf(entry);
  }
  const before = `; ${name}: `;
  const after = ` (${part.date})`;
  const room = MAX_SOURCE_LENGTH - before.length - after.length;
  const own = oneLine(entry.source);
  const other = shorten(oneLine(part.source), Math.max(room - own.length, Math.floor(room / 2)));
  const source = `${shorten(own, room - other.length)}${before}${other}${after}`;
  return Object.freeze({ source, date: entry.date });
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** Never ends in half of a surrogate pair, which no wire format can carry. */
function shorten(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text.slice(0, length - 1).replace(/[\uD800-\uDBFF]$/, "")}…`;
}
