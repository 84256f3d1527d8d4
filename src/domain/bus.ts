/**
 * What carries health between processes: one ordered stream of reports and two small tables.
 *
 * The same contract holds in memory and on NATS JetStream. Bytes go in and come out; what they mean is
 * decided in `health/`.
 */
export type Bus = {
  readonly reports: ReportLog;
  readonly scores: KeyValue;
  readonly leases: LeaseTable;
  /** Where messages go that nobody can read. Best effort; never rejects. */
  readonly deadLetters: DeadLetters;
  status(): BusStatus;
  /** Called with every change. Returns how to stop listening. */
  onStatus(listener: (status: BusStatus) => void): () => void;
  /** Ends subscriptions and the connection; what waits is rejected with `BusUnavailable`. */
  close(): Promise<void>;
};

export type BusStatus = "connecting" | "connected" | "closed";

/** The bus did not confirm: the message may or may not be stored. Sending it again is safe. */
export class BusUnavailable extends Error {
  override readonly name = "BusUnavailable";
}

/**
 * The bus answered what was sent later and not this, more than once: it seems to be there, and to leave
 * out this one. Only if that goes on it will hardly ever take it.
 */
export class BusPassedOver extends BusUnavailable {}

/**
 * The bus does not take reports under this token from this process, and did not store this one. Sending it
 * again is of no use until somebody changes what the process may do.
 */
export class BusRefused extends Error {
  override readonly name = "BusRefused";
}

export type OutgoingReport = {
  /** One token of `[A-Za-z0-9_-]`, not longer than 128; a leading `_` is reserved. */
  readonly token: string;
  /** Equal ids within two minutes are stored once. */
  readonly id: string;
  readonly bytes: Uint8Array;
  /** W3C trace context and the like; lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
};

export type StoredReport = {
  readonly token: string;
  /**
   * Position in the stream, ascending. Every report that was stored has one of its own and none is left out:
   * a follower that is handed 5 and then 8 can be sure that two were lost.
   */
  readonly sequence: number;
  /** Epoch milliseconds by the bus's clock, never descending within an epoch: the same for every reader. */
  readonly storedAtMs: number;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
};

export type ReportLog = {
  /**
   * Resolves when stored, with its position in the stream. Rejects within 10 s, with `BusUnavailable` or
   * `BusRefused`; whatever else it rejects with is wrong with this one report.
   */
  publish(report: OutgoingReport): Promise<number>;
  /**
   * Hands out every report stored since `sinceMs` and every later one, in the order of the stream, once;
   * some that were stored earlier may come before them.
   *
   * Survives disconnections without a gap. A stream that was wiped and made again begins anew with
   * `began`.
   */
  follow(options: FollowOptions): Follower;
};

export type FollowOptions = {
  /** Epoch milliseconds; absent: only what comes. */
  readonly sinceMs?: number;
  /** Before the first report, and again when the stream was made anew: whatever was known is void. */
  readonly began: (streamEpoch: number) => void;
  /**
   * Some of what was to be handed out next is lost: the stream had no room left for it, or it was deleted,
   * and nothing older than `keptSinceMs` is left, epoch milliseconds by the bus's clock. Before any report
   * from then on. Said only where it is certain.
   */
  readonly lost?: (keptSinceMs: number) => void;
  /** Must not throw; what it throws is logged and skips the report. */
  readonly take: (report: StoredReport) => void;
  /** All that was stored when following began has been handed out. Called once per `began`. */
  readonly caughtUp: () => void;
};

export type Follower = {
  /** Reports stored and not yet handed out, as far as is known. */
  lag(): number;
  stop(): Promise<void>;
};

export type KeyValueEntry = {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows with every write of the table. */
  readonly revision: number;
};

/** Keys are `[A-Za-z0-9_.-]+`. Everything rejects with `BusUnavailable` when the bus is away. */
export type KeyValue = {
  get(key: string): Promise<KeyValueEntry | undefined>;
  /**
   * Writes if `revision` is still the key's own (0: the key does not exist).
   * Resolves with the new revision, or `undefined` when somebody else wrote.
   */
  put(key: string, value: Uint8Array, revision: number): Promise<number | undefined>;
  /**
   * Forgets the key if `revision` is still its own, and keeps nothing in its place: it does not exist any
   * more. False: it has another revision, or did not exist. Watchers are not told.
   */
  remove(key: string, revision: number): Promise<boolean>;
  /** Hands out what is there and every later write, until stopped. Writes may be skipped for newer ones. */
  watch(take: (entry: KeyValueEntry) => void): Watcher;
  /** Every entry there is. */
  entries(): Promise<readonly KeyValueEntry[]>;
};

export type Watcher = { stop(): Promise<void> };

/** Leases that lapse 10 s after they were last taken or renewed. */
export type LeaseTable = {
  /** True: `owner` holds the lease from now on, or went on holding it. False: somebody else does. */
  take(name: string, owner: string): Promise<boolean>;
  /** Gives it back at once, if `owner` holds it. */
  release(name: string, owner: string): Promise<void>;
  /** Who holds it, or did some moments ago; absent: nobody. */
  holder(name: string): Promise<string | undefined>;
};

export const LEASE_MS = 10_000;

export type DeadLetters = {
  put(letter: { readonly reason: string; readonly report: StoredReport }): Promise<void>;
};
