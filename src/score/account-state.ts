import type { Writable } from "../domain/writable.ts";

/**
 * Whether an account may be used at all.
 *
 * A key that was refused and a credit that is used up fail every call at every endpoint of the account,
 * so they switch off the account and not the endpoint, and no panic overrules them. Any success shows
 * that the account works, and so does the operator's act. Otherwise one call asks again: every hour after
 * a refused key, every ten minutes after credit ran out, because somebody may have paid.
 */
export type AccountState = {
  /** Epoch milliseconds until which no call may start; `-Infinity` when the account works. */
  readonly blockedUntilMs: number;
  /** What switched it off last. Meaningful only while it is blocked. */
  readonly fault: AccountFault;
  disable(reason: AccountFault, nowMs: number): void;
  /** A call starts: while the account is not known to work, the others wait for what it finds. */
  start(nowMs: number): void;
  /** An attempt succeeded, or the operator changed something. */
  enable(): void;
};

export type AccountFault = "credentials" | "quota-exhausted";

const retestAfterMs: Readonly<Record<AccountFault, number>> = {
  credentials: 3_600_000,
  "quota-exhausted": 600_000,
};

/** A test that was called off says nothing; the next one follows after the longest wait for a token. */
const TEST_LEASE_MS = 60_000;

const WORKS = Number.NEGATIVE_INFINITY;

export function createAccountState(): AccountState {
  const account: Writable<AccountState> = {
    blockedUntilMs: WORKS,
    fault: "credentials",
    disable(reason, nowMs) {
      account.fault = reason;
      account.blockedUntilMs = Math.max(account.blockedUntilMs, nowMs + retestAfterMs[reason]);
    },
    start(nowMs) {
      if (account.blockedUntilMs !== WORKS) {
        account.blockedUntilMs = Math.max(account.blockedUntilMs, nowMs + TEST_LEASE_MS);
      }
    },
    enable() {
      account.blockedUntilMs = WORKS;
    },
  };
  return account;
}
