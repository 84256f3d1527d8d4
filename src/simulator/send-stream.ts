import type { ServerResponse } from "node:http";
import type { Interruption } from "./faults.ts";
import { type Pace, tokensDueMs } from "./pacing.ts";
import type { Step } from "./stream-steps.ts";

export type StreamOptions = {
  readonly pace: Pace;
  /** Size of every write in bytes; 0 = as they come. */
  readonly chunkBytes: number;
  onFault(mode: Interruption): void;
};

/**
 * Writes the steps when they are due, until the response ends or its client leaves.
 *
 * One timer per stream, and everything due by then in one write: a stream that fell behind catches
 * up, and a pace of 0 sends the whole answer at once without a timer.
 */
export function sendStream(
  response: ServerResponse,
  steps: Iterator<Step>,
  { pace, chunkBytes, onFault }: StreamOptions,
): void {
  const startedAtMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let tokens = 0;
  let dueMs = pace.headersAtMs;
  let upcoming = advance();

  function advance(): Step | undefined {
    const next = steps.next();
    if (next.done === true) {
      return undefined;
    }
    if (next.value.kind === "write" && next.value.tokens > 0) {
      tokens += next.value.tokens;
      dueMs = tokensDueMs(pace, tokens);
    } else if (next.value.kind === "write" && next.value.waitRatio !== undefined) {
      const waitMs = pace.firstTokenAtMs - pace.headersAtMs;
      dueMs = pace.headersAtMs + waitMs * next.value.waitRatio;
    }
    return next.value;
  }

  /** The text of everything that is due, up to a step that ends the stream. */
  function takeDue(): string {
    let text = "";
    while (upcoming !== undefined && dueMs <= performance.now() - startedAtMs) {
      if (upcoming.kind === "stall" || upcoming.kind === "cut") {
        break;
      }
      if (upcoming.kind === "write") {
        text += upcoming.text;
      } else {
        onFault(upcoming.mode);
      }
      upcoming = advance();
    }
    return text;
  }

  function pump(): void {
    writePieces(response, takeDue(), chunkBytes);
    const waitMs = dueMs - (performance.now() - startedAtMs);
    if (upcoming === undefined) {
      response.end();
    } else if (waitMs <= 0 && (upcoming.kind === "stall" || upcoming.kind === "cut")) {
      leaveOff(response, upcoming.kind);
    } else {
      // What fell due since `takeDue` looked at the clock waits for the next turn.
      timer = setTimeout(pump, Math.max(0, waitMs));
    }
  }

  response.once("close", () => clearTimeout(timer));
  pump();
}

/** Writes text, cut into pieces of `pieceBytes` bytes wherever that falls; 0 = in one piece. */
export function writePieces(response: ServerResponse, text: string, pieceBytes: number): void {
  if (text === "") {
    return;
  }
  if (pieceBytes === 0) {
    response.write(text);
    return;
  }
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    response.write(bytes.subarray(start, start + pieceBytes));
  }
}

/** Stops in the middle: a cut destroys the socket once what was written is out, a stall keeps it. */
export function leaveOff(response: ServerResponse, how: "stall" | "cut"): void {
  if (how === "cut") {
    response.write("", () => response.destroy());
  } else {
    response.flushHeaders();
  }
}
