import type { BusStatus } from "../domain/bus.ts";
import type { Log } from "../domain/ports.ts";

export type StatusBoard = {
  current(): BusStatus;
  /** Tells every listener of a change. Nothing changes after `closed`. */
  set(status: BusStatus): void;
  /** Returns how to stop listening. */
  listen(listener: (status: BusStatus) => void): () => void;
};

export function createStatusBoard(log: Log): StatusBoard {
  const listeners = new Set<(status: BusStatus) => void>();
  let current: BusStatus = "connecting";
  return {
    current: () => current,
    set(status) {
      if (current === status || current === "closed") {
        return;
      }
      current = status;
      for (const listener of [...listeners]) {
        try {
          listener(status);
        } catch (error) {
          log("error", "a listener for the status of NATS threw", { error });
        }
      }
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
