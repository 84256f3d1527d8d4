import type { Bus } from "../domain/bus.ts";
import { createNatsDeadLetters } from "./nats-dead-letters.ts";
import { createNatsKeyValue } from "./nats-key-value.ts";
import { createNatsLeaseTable } from "./nats-lease-table.ts";
import { createNatsLink } from "./nats-link.ts";
import type { NatsBusOptions } from "./nats-options.ts";
import { createNatsReportLog } from "./nats-report-log.ts";
import { LEASE_BUCKET, SCORE_BUCKET } from "./streams.ts";

/**
 * The bus on NATS JetStream, nats-server 2.9.10 or newer.
 *
 * Returns at once and connects in the background for as long as it is open, whatever happens to the
 * server; `status()` is `connected` when the streams exist too. Throws a `TypeError` for options that
 * make no sense. Neither its errors nor its log lines hold credentials.
 */
export function connectNatsBus(options: NatsBusOptions): Bus {
  const { nowMs, schedule, log } = options;
  const link = createNatsLink(options);
  return {
    reports: createNatsReportLog({ link, nowMs, schedule, log }),
    scores: createNatsKeyValue({ link, schedule, log, bucket: SCORE_BUCKET }),
    leases: createNatsLeaseTable({ link, bucket: LEASE_BUCKET }),
    deadLetters: createNatsDeadLetters(link, log),
    status: link.status,
    onStatus: link.onStatus,
    close: link.close,
  };
}
