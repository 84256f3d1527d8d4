import type { Schedule } from "../domain/ports.ts";

/** Decides when joined deltas leave. */
export type Pacer = {
  /** Something was added; `chars` is how much is held back. */
  added(chars: number): void;
  close(): void;
};

export type PacerOptions = {
  /** Absent: at the end of the burst. 0: at once. Else milliseconds from the delta before. */
  readonly coalesceMs: number | undefined;
  readonly schedule: Schedule;
  /** Sends what is held back, if anything; tells whether there was something. */
  readonly leave: () => boolean;
};

/** A window's joined delta leaves at this size, so that a fast answer does not come in lumps. */
const MAX_JOINED_CHARS = 512;

export function createPacer({ coalesceMs, schedule, leave }: PacerOptions): Pacer {
  if (coalesceMs === undefined) {
    return createBurstPacer(leave);
  }
  return coalesceMs === 0
    ? { added: () => leave(), close() {} }
    : createWindowPacer({ coalesceMs, schedule, leave });
}

/** A microtask runs when the producer's stack is empty: after the last delta of one network read. */
function createBurstPacer(leave: () => boolean): Pacer {
  let queued = false;
  const onBurstEnd = () => {
    queued = false;
    leave();
  };
  return {
    added() {
      if (!queued) {
        queued = true;
        queueMicrotask(onBurstEnd);
      }
    },
    close() {},
  };
}

/** The first delta leaves at once and opens a window; a window in which something came opens the next. */
function createWindowPacer({
  coalesceMs,
  schedule,
  leave,
}: PacerOptions & { readonly coalesceMs: number }): Pacer {
  let callOff: (() => void) | undefined;
  const onWindowEnd = () => {
    callOff = leave() ? schedule(coalesceMs, onWindowEnd) : undefined;
  };
  return {
    added(chars) {
      if (callOff === undefined) {
        leave();
        callOff = schedule(coalesceMs, onWindowEnd);
      } else if (chars >= MAX_JOINED_CHARS) {
        leave();
      }
    },
    close() {
      callOff?.();
    },
  };
}
