/**
 * Turns the events of one call into the messages of its stream.
 *
 * One message per token is the dearest part of a stream, so deltas of one part are joined. Without a
 * window they are joined while they arrive in one burst of the event loop, which is one read from the
 * provider's socket: the joined message leaves in the microtask after it, so nothing waits. With a
 * window the first delta leaves at once and opens it; what arrives within it leaves when it closes.
 *
 * Invariants: sequence numbers are gapless from 0; joining never changes the order of events; joined
 * deltas belong to one part of one choice; folding the messages gives the answer that folding the
 * events gives. A character that a provider cut in two is held back until its other half comes.
 */
import type { StreamCompleteResponse } from "../../gen/atlas/v1/completion_pb.ts";
import type { CallEvent, CallResult } from "../domain/call.ts";
import type { Schedule } from "../domain/ports.ts";
import { createDeltaJoiner, type TextKind } from "./delta-joiner.ts";
import {
  encodeControl,
  encodeFinished,
  encodeJoined,
  encodeSealedReasoning,
  encodeUsageUpdate,
  type StreamResponseEvent,
} from "./encode-stream.ts";
import { createPacer } from "./pacer.ts";
import { createPartIndex } from "./part-index.ts";
import type { Write } from "./rpc-service.ts";

export type StreamSession = {
  /** The `emit` of the call. */
  readonly take: (event: CallEvent) => void;
  /** Sends what is held back and, after a success, `finished`. What comes afterwards is dropped. */
  end(result: CallResult | undefined): void;
};

export type StreamSessionOptions = {
  readonly id: string;
  readonly receivedAtMs: number;
  /** Absent: join bursts. 0: never join. */
  readonly coalesceMs: number | undefined;
  readonly continuousUsage: boolean;
  readonly includeReasoning: boolean;
  readonly schedule: Schedule;
  readonly write: Write<StreamCompleteResponse>;
};

type TextEvent = Extract<CallEvent, { kind: "text-delta" | "reasoning-delta" | "refusal-delta" }>;

export function createStreamSession(options: StreamSessionOptions): StreamSession {
  const { write } = options;
  const parts = createPartIndex();
  let sequence = 0n;
  let ended = false;
  const send = (event: StreamResponseEvent) => {
    write({ $typeName: "atlas.v1.StreamCompleteResponse", sequence, event });
    sequence += 1n;
  };
  const joiner = createDeltaJoiner((joined) => send(encodeJoined(joined)));
  const pacer = createPacer({ ...options, leave: joiner.leave });

  const takeText = (event: TextEvent, kind: TextKind) => {
    const part = parts.text(kind, event.choice, event.text);
    // An empty text begins no part, yet its token has probabilities.
    if (part !== undefined || "logprobs" in event) {
      joiner.text(event, kind, part ?? 0);
      pacer.added(joiner.held());
    }
  };

  return {
    take(event) {
      if (ended || isWithheld(event, options)) {
        return;
      }
      switch (event.kind) {
        case "text-delta":
          takeText(event, "text");
          break;
        case "refusal-delta":
          takeText(event, "refusal");
          break;
        case "tool-call-delta":
          parts.toolCall(event.choice, event.tool);
          joiner.toolCall(event);
          pacer.added(joiner.held());
          break;
        case "reasoning-delta":
          takeText(event, "reasoning");
          break;
        case "reasoning-signature":
        case "redacted-reasoning":
          joiner.flush();
          send(encodeSealedReasoning(event, parts.sealed(event)));
          break;
        case "usage":
          joiner.leave();
          send(encodeUsageUpdate(event.usage));
          break;
        case "heartbeat":
          joiner.leave();
          send(encodeControl(event, options));
          break;
        default:
          joiner.flush();
          send(encodeControl(event, options));
      }
    },
    end(result) {
      if (ended) {
        return;
      }
      ended = true;
      pacer.close();
      joiner.flush();
      if (result !== undefined) {
        send(encodeFinished(result));
      }
    },
  };
}

/** What this caller did not ask for, or nobody is told. */
function isWithheld(
  event: CallEvent,
  { includeReasoning, continuousUsage }: StreamSessionOptions,
): event is Extract<CallEvent, { kind: "response-start" }> {
  switch (event.kind) {
    case "response-start":
      return true;
    case "usage":
      return !continuousUsage;
    case "reasoning-delta":
    case "reasoning-signature":
    case "redacted-reasoning":
      return !includeReasoning;
    default:
      return false;
  }
}
