import { headers as createHeaders } from "@nats-io/transport-node";
import type { DeadLetters } from "../domain/bus.ts";
import type { Log } from "../domain/ports.ts";
import { describeError } from "./bus-error.ts";
import type { NatsLink } from "./nats-link.ts";
import { DEAD_LETTER_PREFIX } from "./streams.ts";

const PATIENCE_MS = 2_000;

/** What waits at once; a flood of unreadable messages must not fill the memory. */
const MAX_WAITING = 64;

/** Headers are one line of ASCII. */
const MAX_REASON_LENGTH = 200;

/** Unreadable messages, kept for people in a stream of their own. Several scorers leave one copy. */
export function createNatsDeadLetters(link: NatsLink, log: Log): DeadLetters {
  let waiting = 0;
  return {
    async put({ reason, report }) {
      const { token, sequence, storedAtMs, bytes } = report;
      if (waiting >= MAX_WAITING) {
        return;
      }
      waiting++;
      try {
        const session = await link.session(PATIENCE_MS);
        const headers = createHeaders();
        headers.set("atlas-reason", plainLine(reason));
        headers.set("atlas-sequence", String(sequence));
        headers.set("atlas-stored-at-ms", String(storedAtMs));
        await session.jetstream.publish(DEAD_LETTER_PREFIX + token, bytes, {
          headers,
          msgID: `${storedAtMs}-${sequence}`,
          timeout: PATIENCE_MS,
        });
      } catch (error) {
        log("warn", "a dead letter was lost", { token, sequence, problem: describeError(error) });
      } finally {
        waiting--;
      }
    },
  };
}

function plainLine(text: string): string {
  const line = text.replaceAll(/[^\x20-\x7e]+/g, " ").trim();
  return line.slice(0, MAX_REASON_LENGTH).trim() || "unknown";
}
