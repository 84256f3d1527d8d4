import type { JetStreamManager, StreamConfig } from "@nats-io/jetstream";
import { DiscardPolicy, RetentionPolicy, StorageType } from "@nats-io/jetstream";
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
};

type PlannedConfig = Partial<StreamConfig> & Pick<StreamConfig, "name">;

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Everything on the server that belongs to us, in what nats-server 2.9.10 understands: no limits per
 * message, no metadata, no compression.
 */
function plannedStreams({ replicas, storage }: StreamPlacement): readonly PlannedConfig[] {
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
      max_bytes: 256 * MIB,
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
  manager: JetStreamManager,
  placement: StreamPlacement,
  log: Log,
): Promise<void> {
  for (const planned of plannedStreams(placement)) {
    const existing = await findConfig(manager, planned.name);
    if (existing === undefined) {
      await manager.streams.add(planned);
      log("info", "NATS stream made", { stream: planned.name, replicas: placement.replicas });
    } else if (differs(existing, planned)) {
      await update(manager, planned, log);
    }
  }
}

async function findConfig(
  manager: JetStreamManager,
  name: string,
): Promise<StreamConfig | undefined> {
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

async function update(manager: JetStreamManager, planned: PlannedConfig, log: Log): Promise<void> {
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
