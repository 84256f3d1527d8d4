import type { OutgoingReport, ReportLog } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import { TICK_TOKEN } from "./endpoint-token.ts";
import { encodeReport } from "./report-codec.ts";

export type ScorerTickPorts = {
  readonly reports: Pick<ReportLog, "publish">;
  readonly name: string;
  readonly boot: bigint;
  /** Asked before every tick. */
  readonly isDue: () => boolean;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
};

const TICK_EVERY_MS = 5_000;

/**
 * Lets time pass in the stream when nothing else does: windows age by the times of its reports alone.
 *
 * A tick that was not confirmed is sent again as it is, because it may be stored. Then the bus drops the
 * copy and time stands still until the next one.
 */
export function createScorerTick(ports: ScorerTickPorts): { stop(): void } {
  const { reports, name, boot, isDue, nowMs, schedule, log } = ports;
  let isStopped = false;
  let isFailing = false;
  let sequence = 0;
  let unconfirmed: OutgoingReport | undefined;

  function nextTick(): OutgoingReport {
    sequence += 1;
    const bytes = encodeReport({
      producer: name,
      boot,
      sequence,
      // A tick is about no endpoint.
      endpoint: "" as EndpointId,
      model: "",
      observedAtMs: nowMs(),
      signal: { kind: "tick" },
    });
    return { token: TICK_TOKEN, id: `${name}:${boot}:${sequence}`, bytes };
  }

  async function publish(): Promise<void> {
    unconfirmed ??= nextTick();
    try {
      await reports.publish(unconfirmed);
      unconfirmed = undefined;
      isFailing = false;
    } catch (cause) {
      log(isFailing ? "debug" : "warn", "a tick was not confirmed", { cause });
      isFailing = true;
    }
  }

  async function beat(): Promise<void> {
    if (isDue()) {
      await publish();
    }
    if (!isStopped) {
      cancel = schedule(TICK_EVERY_MS, startBeat);
    }
  }
  const startBeat = () => void beat();
  let cancel = schedule(TICK_EVERY_MS, startBeat);

  return {
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
