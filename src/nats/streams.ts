import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { LEASE_MS } from "../domain/bus.ts";
import { DUPLICATE_WINDOW_MS, REPORT_AGE_MS } from "../domain/bus-rules.ts";
import type { Log } from "../domain/ports.ts";
import { describeError, isStreamNotFound } from "./bus-error.ts";

export const REPORT_STREAM = "HEALTH";
export const REPORT_PREFIX = "atlas.health.v1.";
const DEAD_LETTER_STREAM = "DEADLETTER";
export const DEAD_LETTER_PREFIX = "atlas.deadletter.v1.";
export const SCORE_BUCKET = "atlas_scores";
export const LEASE_BUCKET = "atlas_lease";

export type StreamPlacement = {
  readonly replicas: number;
  readonly storage: "file" | "memory";
  /** Most that the stream of reports holds, in bytes on the server. */
  readonly reportBytes: number;
};

/** The part of `JetStreamManager` that sees to streams. */
export type StreamManager = {
  readonly streams: Pick<JetStreamManager["streams"], "info" | "add" | "update">;
};

type PlannedConfig = Partial<StreamConfig> & Pick<StreamConfig, "name">;

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * 40 minutes, as long as reports are kept, of 1,000 reports a second that take 550 bytes each on the
 * server are 1.23 GiB: `docs/health.md` has the sum.
 */
export const DEFAULT_REPORT_BYTES = 1_536 * MIB;

/**
 * One endpoint's subject holds one report for so many bytes of the whole stream. Half of the stream is
 * then out of reach of whoever may publish on one subject, as long as his reports stay below half of
 * this, which is ten times what a report takes; and by default there is room for 131,072 reports of an
 * endpoint, those of 54 routers in 40 minutes.
 */
const STREAM_BYTES_OF_A_REPORT = 12 * KIB;

/**
 * Everything on the server that belongs to us, in what nats-server 2.9.10 understands: no limits per
 * message, no metadata, no compression.
 */
function plannedStreams({
  replicas,
  storage,
  reportBytes,
}: StreamPlacement): readonly PlannedConfig[] {
  const common = {
    retention: RetentionPolicy.Limits,
    storage: storage === "file" ? StorageType.File : StorageType.Memory,
    num_replicas: replicas,
    allow_direct: true,
  };
  return [
    {
      ...common,
      name: REPORT_STREAM,
      subjects: [`${REPORT_PREFIX}>`],
      discard: DiscardPolicy.Old,
      max_age: nanos(REPORT_AGE_MS),
      max_bytes: reportBytes,
      max_msgs_per_subject: reportsOfASubject(reportBytes),
      max_msg_size: 64 * KIB,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    },
    {
      ...common,
      name: DEAD_LETTER_STREAM,
      subjects: [`${DEAD_LETTER_PREFIX}>`],
      discard: DiscardPolicy.Old,
      // For people to look at; a week covers holidays.
      max_age: nanos(7 * 24 * 3_600_000),
      max_bytes: 64 * MIB,
      // A report at its limit with the headers that say why it lies here.
      max_msg_size: 72 * KIB,
      duplicate_window: nanos(DUPLICATE_WINDOW_MS),
    },
    { ...common, ...bucketShape(SCORE_BUCKET), max_msg_size: 512 * KIB },
    {
      ...common,
      ...bucketShape(LEASE_BUCKET),
      max_msg_size: 4 * KIB,
      // A lease that nobody renews is forgotten: servers before 2.11 know no age of single keys.
      max_age: nanos(LEASE_MS),
      duplicate_window: nanos(LEASE_MS),
    },
  ];
}

function reportsOfASubject(streamBytes: number): number {
  return Math.max(1, Math.floor(streamBytes / STREAM_BYTES_OF_A_REPORT));
}

/** How a key-value table is kept in a stream, as all clients of NATS agree. */
function bucketShape(bucket: string): PlannedConfig {
  return {
    name: `KV_${bucket}`,
    subjects: [`$KV.${bucket}.>`],
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
  };
}

/**
 * Makes what is missing and brings the rest to what is planned. Resolves when everything exists.
 *
 * A stream that cannot be changed is used as it is: credentials may allow us less than its owner.
 */
export async function ensureStreams(
  manager: StreamManager,
  placement: StreamPlacement,
  log: Log,
): Promise<void> {
  for (const planned of plannedStreams(placement)) {
    const existing = await findConfig(manager, planned.name);
    if (existing === undefined) {
      await add(manager, planned);
      log("info", "NATS stream made", { stream: planned.name, replicas: placement.replicas });
      continue;
    }
    const wanted = notLess(planned, existing);
    if (differs(existing, wanted)) {
      await update(manager, wanted, log);
    }
  }
}

/**
 * For whoever only reads: makes and changes nothing. Resolves when there is something to read, and rejects
 * with an error that names the stream which is not there.
 */
export async function expectStreams(manager: StreamManager): Promise<void> {
  for (const name of [REPORT_STREAM, `KV_${SCORE_BUCKET}`]) {
    if ((await findConfig(manager, name)) === undefined) {
      throw new Error(`there is no stream ${name}; the first router or scorer makes it`);
    }
  }
}

/** Rejects with an error that says what to change when the server has no room for the stream. */
async function add(manager: StreamManager, planned: PlannedConfig): Promise<void> {
  try {
    await manager.streams.add(planned);
  } catch (error) {
    if (planned.max_bytes === undefined || !isWithoutRoom(error)) {
      throw error;
    }
    const size = `${planned.name} of ${Math.ceil(planned.max_bytes / MIB)} MiB`;
    const remedy =
      planned.name === REPORT_STREAM
        ? "; give JetStream more room, or set bus.nats.reportBytes to less"
        : "";
    throw new Error(`the server refuses the stream ${size}: ${error.message}${remedy}`, {
      cause: error,
    });
  }
}

/** https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const NO_PEERS = 10_005;
const WITHOUT_ROOM: ReadonlySet<number> = new Set([
  // The account's limits, all servers' resources, memory, storage, the account's limit of one stream.
  10_002,
  10_023, 10_028, 10_047, 10_122,
]);

/** A cluster says that it has no peer for the stream, and why in words alone. */
function isWithoutRoom(error: unknown): error is JetStreamApiError {
  return (
    error instanceof JetStreamApiError &&
    (WITHOUT_ROOM.has(error.code) ||
      (error.code === NO_PEERS && error.message.includes("insufficient storage")))
  );
}

/**
 * Processes with different settings share one stream: the most copies and the largest bound that any of
 * them asks for, or an operator gave it, stay. Otherwise each would change back what another did, and one
 * that says nothing of copies would leave a cluster's with a single one.
 */
function notLess(planned: PlannedConfig, existing: StreamConfig): PlannedConfig {
  const copies = Math.max(existing.num_replicas, planned.num_replicas ?? 1);
  const bounded = planned.name === REPORT_STREAM ? notSmaller(planned, existing) : planned;
  return { ...bounded, num_replicas: copies };
}

function notSmaller(planned: PlannedConfig, existing: StreamConfig): PlannedConfig {
  const asked = planned.max_bytes ?? DEFAULT_REPORT_BYTES;
  // -1: no bound.
  const streamBytes = existing.max_bytes > 0 ? Math.max(existing.max_bytes, asked) : asked;
  return {
    ...planned,
    max_bytes: existing.max_bytes > 0 ? streamBytes : existing.max_bytes,
    max_msgs_per_subject: reportsOfASubject(streamBytes),
  };
}

async function findConfig(manager: StreamManager, name: string): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (isStreamNotFound(error)) {
      return undefined;
    }
    throw error;
  }
}

function differs(existing: StreamConfig, planned: PlannedConfig): boolean {
  const known: Readonly<Record<string, unknown>> = existing;
  return Object.entries(planned).some(
    ([name, value]) => name !== "storage" && JSON.stringify(known[name]) !== JSON.stringify(value),
  );
}

async function update(manager: StreamManager, planned: PlannedConfig, log: Log): Promise<void> {
  // Neither can change in a stream that exists.
  const { name, storage: _storage, retention: _retention, ...changeable } = planned;
  try {
    await manager.streams.update(name, changeable);
    log("info", "NATS stream changed to what is planned", { stream: name });
  } catch (error) {
    log("warn", "NATS stream is used as it is, which is not as planned", {
      stream: name,
      problem: describeError(error),
    });
  }
}
