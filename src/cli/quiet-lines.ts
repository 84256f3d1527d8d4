/** Passes one line of a kind in a while and counts the others. Kinds must be few: none is forgotten. */
export type QuietLines<Kind> = {
  /** Lines left out since the last one; absent when it is too early for another one. */
  pass(kind: Kind, nowMs: number): number | undefined;
};

type Line = { loggedAtMs: number; suppressed: number };

export function createQuietLines<Kind>(quietMs: number): QuietLines<Kind> {
  const lines = new Map<Kind, Line>();
  return {
    pass(kind, nowMs) {
      const last = lines.get(kind);
      if (last === undefined) {
        lines.set(kind, { loggedAtMs: nowMs, suppressed: 0 });
        return 0;
      }
      if (nowMs - last.loggedAtMs < quietMs) {
        last.suppressed += 1;
        return undefined;
      }
      const { suppressed } = last;
      last.loggedAtMs = nowMs;
      last.suppressed = 0;
      return suppressed;
    },
  };
}
