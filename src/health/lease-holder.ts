import { LEASE_MS, type LeaseTable } from "../domain/bus.ts";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";

/**
 * Competes for one lease for as long as it is wanted.
 *
 * A holder that was stopped for a while must not believe in a lease that somebody else has taken, so
 * belief ends by itself, `LEASE_MS` after the last taking *began*. It may still be wrong for as long as a
 * write takes; what it guards must bear that.
 */
export type LeaseHolder = {
  holds(): boolean;
  /** Tries without waiting for the next time; again, when it is at it. */
  hurry(): void;
  /** Gives the lease back and leaves it to others for so long. */
  standAside(forMs: number): void;
  /** Gives it back and ends. Never rejects. */
  close(): Promise<void>;
};

export type LeaseHolderPorts = {
  readonly leases: LeaseTable;
  readonly lease: string;
  readonly owner: string;
  /** False: does not compete, and gives back what it has. */
  readonly wants: () => boolean;
  /**
   * True: others are better suited. It takes the lease only after nobody has held it for
   * `SECOND_CHOICE_MS`, and keeps what it holds. Default: always false.
   */
  readonly isSecondChoice?: () => boolean;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
};

/** Two renewals may fail before it lapses. */
const TAKE_EVERY_MS = 3_000;

/**
 * Others ask every `TAKE_EVERY_MS`: whoever could take the lease has, also after a bus was away and
 * everybody connects anew within some seconds.
 */
export const SECOND_CHOICE_MS = 2 * LEASE_MS;

type State = LeaseHolderPorts & {
  heldUntilMs: number;
  /** Until then the lease is left to others. */
  asideUntilMs: number;
  /** Since when every look found that nobody holds it; absent: somebody did, or nobody looked. */
  freeSinceMs: number | undefined;
  /** When the latest look found that. */
  seenFreeAtMs: number;
  isFailing: boolean;
};

const NEVER = Number.NEGATIVE_INFINITY;

export function createLeaseHolder(ports: LeaseHolderPorts): LeaseHolder {
  const state: State = {
    ...ports,
    heldUntilMs: NEVER,
    asideUntilMs: NEVER,
    freeSinceMs: undefined,
    seenFreeAtMs: NEVER,
    isFailing: false,
  };
  const { schedule, random, nowMs } = ports;
  let isClosed = false;
  let isHurried = false;
  let running: Promise<void> | undefined;
  let cancel = schedule(0, start);

  function start(): void {
    if (isClosed || running !== undefined) {
      isHurried = true;
      return;
    }
    cancel();
    isHurried = false;
    running = compete(state).then(() => {
      running = undefined;
      if (!isClosed) {
        cancel = schedule(isHurried ? 0 : pauseMs(), start);
      }
    });
  }

  /** Holders renew on time; the others must not all come at once when it lapses. */
  function pauseMs(): number {
    return TAKE_EVERY_MS * (holds(state) ? 1 : 0.5 + random() / 2);
  }

  return {
    holds: () => holds(state),
    hurry: start,
    standAside(forMs) {
      state.asideUntilMs = nowMs() + forMs;
      start();
    },
    async close() {
      isClosed = true;
      cancel();
      state.asideUntilMs = Number.POSITIVE_INFINITY;
      await running;
      await compete(state);
    },
  };
}

function holds({ nowMs, heldUntilMs }: State): boolean {
  return nowMs() < heldUntilMs;
}

async function compete(state: State): Promise<void> {
  const { lease, log } = state;
  try {
    await ask(state);
    state.isFailing = false;
  } catch (cause) {
    log(state.isFailing ? "debug" : "warn", "a lease could not be asked for", { lease, cause });
    state.isFailing = true;
  }
}

async function ask(state: State): Promise<void> {
  if (!isCompeting(state)) {
    state.freeSinceMs = undefined;
    await giveBack(state);
    return;
  }
  const isTurn = await isOurTurn(state);
  // Much may have changed while the lease was looked at.
  if (isTurn && isCompeting(state)) {
    state.freeSinceMs = undefined;
    await take(state);
  }
}

function isCompeting({ wants, nowMs, asideUntilMs }: State): boolean {
  return wants() && nowMs() >= asideUntilMs;
}

async function isOurTurn(state: State): Promise<boolean> {
  const { leases, lease, owner, isSecondChoice, nowMs } = state;
  if (holds(state) || isSecondChoice === undefined || !isSecondChoice()) {
    return true;
  }
  const holder = await leases.holder(lease);
  // Our own name is left of a time that we know nothing of: it lapses.
  if (holder !== undefined && holder !== owner) {
    state.freeSinceMs = undefined;
    return false;
  }
  const atMs = nowMs();
  // Between looks that are further apart, as when some failed, somebody may have held it and let it lapse.
  if (state.freeSinceMs === undefined || atMs - state.seenFreeAtMs >= LEASE_MS) {
    state.freeSinceMs = atMs;
  }
  state.seenFreeAtMs = atMs;
  return atMs - state.freeSinceMs >= SECOND_CHOICE_MS;
}

async function take(state: State): Promise<void> {
  const { leases, lease, owner, nowMs, log } = state;
  const askedAtMs = nowMs();
  const heldBefore = holds(state);
  const isTaken = await leases.take(lease, owner);
  state.heldUntilMs = isTaken ? askedAtMs + LEASE_MS : NEVER;
  if (isTaken !== heldBefore) {
    log("info", isTaken ? "took a lease" : "lost a lease", { lease, owner });
  }
}

async function giveBack(state: State): Promise<void> {
  const { leases, lease, owner, log } = state;
  if (holds(state)) {
    state.heldUntilMs = NEVER;
    await leases.release(lease, owner);
    log("info", "gave a lease back", { lease, owner });
  }
}
