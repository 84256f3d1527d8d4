/** The first multiple of `stepMs` after `nowMs`. */
export function nextMultiple(nowMs: number, stepMs: number): number {
  return (Math.floor(nowMs / stepMs) + 1) * stepMs;
}
