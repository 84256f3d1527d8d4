import type { DeadLetters } from "../domain/bus.ts";
import { createFifo } from "./fifo.ts";

/**
 * Sends copies of what nobody can read, some at a time, in the order in which they came.
 *
 * A scorer that starts reads everything of half an hour in one go: what waits is kept up to a bound, and
 * whoever floods the stream with rubbish does not fill the memory.
 */
export type LetterBox = {
  put(letter: Letter): void;
  /** Letters of which no copy could be kept, because too many came at once. */
  dropped(): number;
};

export type Letter = Parameters<DeadLetters["put"]>[0];

const MAX_ON_THE_WAY = 16;

/** Of letters that wait, each counted with what holds it. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const LETTER_OVERHEAD_BYTES = 512;

export function createLetterBox(deadLetters: DeadLetters): LetterBox {
  const queue = createFifo<Letter>();
  let waitingBytes = 0;
  let onTheWay = 0;
  let dropped = 0;

  function send(letter: Letter): void {
    onTheWay += 1;
    const done = () => {
      onTheWay -= 1;
      sendNext();
    };
    deadLetters.put(letter).then(done, done);
  }

  function sendNext(): void {
    const next = queue.shift();
    if (next !== undefined) {
      waitingBytes -= weightOf(next);
      send(next);
    }
  }

  return {
    put(letter) {
      if (onTheWay < MAX_ON_THE_WAY) {
        send(letter);
        return;
      }
      const bytes = weightOf(letter);
      if (waitingBytes + bytes > MAX_WAITING_BYTES) {
        dropped += 1;
        return;
      }
      waitingBytes += bytes;
      queue.push(ofItsOwn(letter));
    },
    dropped: () => dropped,
  };
}

function weightOf({ report }: Letter): number {
  return report.bytes.length + report.token.length + LETTER_OVERHEAD_BYTES;
}

/**
 * The bytes may lie in a larger buffer of the connection, which a letter that waits must not hold. Headers
 * may be larger than any report, and no letter tells them.
 */
function ofItsOwn({ reason, report }: Letter): Letter {
  return { reason, report: { ...report, headers: {}, bytes: report.bytes.slice() } };
}
