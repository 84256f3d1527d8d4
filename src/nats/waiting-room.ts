import { BusUnavailable } from "../domain/bus.ts";
import type { Schedule } from "../domain/ports.ts";
import { toBusUnavailable } from "./bus-error.ts";

/** Everybody who waits for something of the server, so that closing can send them home. */
export type WaitingRoom<T> = {
  /** The next value handed to `offer`; rejects with `BusUnavailable` after `patienceMs`. */
  next(patienceMs: number): Promise<T>;
  offer(value: T): void;
  /** As `work`, with every error a `BusUnavailable`. */
  guard<R>(work: Promise<R>): Promise<R>;
  /** Whoever waits and whoever comes later is rejected with `BusUnavailable`. */
  close(): void;
};

type Waiter<T> = { readonly take: (value: T) => void; readonly fail: () => void };

export function createWaitingRoom<T>(schedule: Schedule): WaitingRoom<T> {
  const waiters = new Set<Waiter<T>>();
  const guarded = new Set<() => void>();
  let closed = false;

  return {
    next(patienceMs) {
      if (closed) {
        return Promise.reject(new BusUnavailable("the bus is closed"));
      }
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiters.delete(waiter);
          cancel();
        };
        const waiter: Waiter<T> = {
          take(value) {
            leave();
            resolve(value);
          },
          fail() {
            leave();
            reject(new BusUnavailable("NATS is away"));
          },
        };
        const cancel = Number.isFinite(patienceMs) ? schedule(patienceMs, waiter.fail) : () => {};
        waiters.add(waiter);
      });
    },

    offer(value) {
      for (const waiter of [...waiters]) {
        waiter.take(value);
      }
    },

    guard(work) {
      return new Promise((resolve, reject) => {
        const fail = () => {
          guarded.delete(fail);
          reject(new BusUnavailable("the bus is closed"));
        };
        guarded.add(fail);
        work.then(
          (result) => {
            guarded.delete(fail);
            resolve(result);
          },
          (error: unknown) => {
            guarded.delete(fail);
            reject(toBusUnavailable(error));
          },
        );
        if (closed) {
          fail();
        }
      });
    },

    close() {
      closed = true;
      for (const fail of [...guarded]) {
        fail();
      }
      for (const waiter of [...waiters]) {
        waiter.fail();
      }
    },
  };
}
