import type { HeartbeatPhase } from "../domain/call.ts";
import type { NowMs, Schedule } from "../domain/ports.ts";

/**
 * Tells a waiting caller that the call lives, so that idle proxies keep its stream.
 *
 * A heartbeat is sent only when nothing else was for a whole interval, and it never resets a clock of
 * the attempt: it says that the router lives, not that the endpoint does.
 */
export type Heartbeat = {
  /** Part of the answer was sent: from here on the endpoint is generating. */
  sent(): void;
  /** Something else was sent. */
  noticed(): void;
  stop(): void;
};

export type HeartbeatPorts = {
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly send: (phase: HeartbeatPhase) => void;
};

export function startHeartbeat(intervalMs: number, ports: HeartbeatPorts): Heartbeat {
  let lastSentMs = ports.nowMs();
  let phase: HeartbeatPhase = "waiting-for-first-token";
  let cancel = ports.schedule(intervalMs, look);

  function look(): void {
    const atMs = ports.nowMs();
    if (atMs - lastSentMs >= intervalMs) {
      ports.send(phase);
      lastSentMs = atMs;
    }
    cancel = ports.schedule(Math.max(1, lastSentMs + intervalMs - atMs), look);
  }

  return {
    sent() {
      phase = "generating";
      lastSentMs = ports.nowMs();
    },
    noticed() {
      lastSentMs = ports.nowMs();
    },
    stop() {
      cancel();
    },
  };
}
