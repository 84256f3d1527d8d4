/**
 * The least of several measurements of the same thing, in milliseconds.
 *
 * A machine that does other work makes any one of them longer and none shorter, so the least is what the
 * code itself needs. It hides no failure: every run must end.
 */
export async function fastestOf(times: number, measureMs: () => Promise<number>): Promise<number> {
  let leastMs = Number.POSITIVE_INFINITY;
  for (let time = 0; time < times; time++) {
    leastMs = Math.min(leastMs, await measureMs());
  }
  return leastMs;
}
