/** Epoch milliseconds as `hh:mm:ss.mmm` in UTC: the same words wherever it is read. */
export function timeOfDay(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 23);
}
