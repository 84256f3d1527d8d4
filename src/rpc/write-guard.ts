import type { NowMs, Schedule } from "../domain/ports.ts";

/**
 * Watches how fast a caller takes what is written for it.
 *
 * Nothing in front of the socket can make the producer wait, so a caller that reads too slowly is cut
 * off: when too many bytes wait for it, or when none of them moved for too long.
 */
export type WriteGuard = {
  written(bytes: number): void;
  /** The oldest write that was not flushed yet has reached the socket. */
  flushed(): void;
  /** Whether anything waits. */
  isWaiting(): boolean;
  close(): void;
};

export type WriteGuardOptions = {
  readonly maxBytes: number;
  readonly stallMs: number;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** Called once. */
  readonly onTooSlow: () => void;
};

export function createWriteGuard(options: WriteGuardOptions): WriteGuard {
  const { maxBytes, stallMs, nowMs, schedule, onTooSlow } = options;
  /** Sizes of the writes under way, oldest first from `head` on. */
  let sizes: number[] = [];
  let head = 0;
  let bytes = 0;
  let movedAtMs = 0;
  let callOff: (() => void) | undefined;
  let closed = false;

  function tooSlow(): void {
    close();
    onTooSlow();
  }

  function close(): void {
    closed = true;
    callOff?.();
    callOff = undefined;
  }

  /** Looks on only while something waits: an idle stream has no timer. */
  function look(): void {
    callOff = undefined;
    if (bytes === 0) {
      return;
    }
    const stalledMs = nowMs() - movedAtMs;
    if (stalledMs >= stallMs) {
      tooSlow();
    } else {
      callOff = schedule(stallMs - stalledMs, look);
    }
  }

  return {
    written(size) {
      if (closed) {
        return;
      }
      if (bytes === 0) {
        movedAtMs = nowMs();
        callOff ??= schedule(stallMs, look);
      }
      sizes.push(size);
      bytes += size;
      // A message that is larger by itself is not the caller's slowness.
      if (bytes > maxBytes && sizes.length - head > 1) {
        tooSlow();
      }
    },
    flushed() {
      bytes -= sizes[head] ?? 0;
      head += 1;
      movedAtMs = nowMs();
      if (head === sizes.length) {
        sizes = [];
        head = 0;
      }
    },
    isWaiting: () => head < sizes.length,
    close,
  };
}
