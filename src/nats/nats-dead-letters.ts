import { headers as createHeaders } from "@nats-io/transport-node";
import type { DeadLetters } from "../domain/bus.ts";
import type { Log } from "../domain/ports.ts";
import { describeError, isWrongRevision } from "./bus-error.ts";
import type { NatsLink } from "./nats-link.ts";
import { DEAD_LETTER_PREFIX } from "./streams.ts";

const PATIENCE_MS = 2_000;

/** What waits at once; a flood of unreadable messages must not fill the memory. */
const MAX_WAITING = 64;

/** Headers are one line of ASCII. */
const MAX_REASON_LENGTH = 200;

/**
 * Unreadable messages, kept for people in a stream of their own.
 *
 * Several scorers leave one copy, and so does one that reads back half an hour when it starts: each letter
 * has a subject of its own, which the server keeps for the first. By an id it would forget within minutes
 * what it has already.
 */
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
        const subject = `${DEAD_LETTER_PREFIX}${token}.${storedAtMs}-${sequence}`;
        await session.jetstream.publish(subject, bytes, {
          headers,
          expect: { lastSubjectSequence: 0 },
          timeout: PATIENCE_MS,
        });
      } catch (error) {
        if (!isWrongRevision(error)) {
          log("warn", "a dead letter was lost", { token, sequence, problem: describeError(error) });
        }
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
