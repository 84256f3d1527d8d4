import type { CompletionReply } from "./decide-reply.ts";
import type { Interruption } from "./faults.ts";
import type { Profile } from "./profile.ts";

/** What the sender of a stream does next. */
export type Step =
  | {
      readonly kind: "write";
      readonly text: string;
      readonly tokens: number;
      /** For what precedes the first token: its place between the headers and that token, 0 to 1. */
      readonly waitRatio?: number;
    }
  | { readonly kind: "fault"; readonly mode: Interruption }
  | { readonly kind: "stall" }
  | { readonly kind: "cut" };

/** The frames of a completion with its comments and its interruption worked in. */
export function* streamSteps({ request, completion }: CompletionReply): Generator<Step> {
  const { profile, faults, usage } = completion;
  const spoil = createSpoiler(faults.interruption, profile);
  if (faults.interruption === "stallBeforeFirstToken") {
    yield { kind: "fault", mode: "stallBeforeFirstToken" };
    yield { kind: "stall" };
    return;
  }
  yield* keepAlives(profile);
  // An answer that is shorter than `afterTokens` meets its fault before its last piece.
  const limit = Math.min(spoil.afterTokens, usage.completionTokens - 1);
  let sent = 0;
  let isDue = spoil.mode !== undefined;
  for (const { text, tokens } of request.stream(completion)) {
    if (isDue && mustBreak({ sent, tokens, limit })) {
      isDue = false;
      yield { kind: "fault", mode: spoil.mode ?? "cutConnection" };
      yield* breakWith(spoil.mode, request);
      if (spoil.mode !== "malformedChunk") {
        return;
      }
    }
    sent += tokens;
    yield { kind: "write", text, tokens };
  }
}

type Progress = { readonly sent: number; readonly tokens: number; readonly limit: number };

/** An empty answer, whose limit is below 0, breaks at its first frame. */
function mustBreak({ sent, tokens, limit }: Progress): boolean {
  return limit < 0 || (tokens > 0 && sent + tokens > limit);
}

type Spoiler = { readonly mode: Interruption | undefined; readonly afterTokens: number };

function createSpoiler(interruption: Interruption | undefined, profile: Profile): Spoiler {
  switch (interruption) {
    case "errorInStream":
    case "cutConnection":
    case "malformedChunk":
    case "stallMidStream":
      return { mode: interruption, afterTokens: profile[interruption].afterTokens };
    default:
      return { mode: undefined, afterTokens: 0 };
  }
}

function* breakWith(
  mode: Interruption | undefined,
  { streamError, brokenEvent }: CompletionReply["request"],
): Generator<Step> {
  switch (mode) {
    case "errorInStream":
      yield { kind: "write", text: streamError(), tokens: 0 };
      return;
    case "malformedChunk":
      yield { kind: "write", text: brokenEvent(), tokens: 0 };
      return;
    case "stallMidStream":
      yield { kind: "stall" };
      return;
    default:
      yield { kind: "cut" };
  }
}

function* keepAlives({ quirks }: Profile): Generator<Step> {
  const { keepAliveComments: count, crlf } = quirks;
  const text = crlf ? ": keep-alive\r\n\r\n" : ": keep-alive\n\n";
  for (let index = 1; index <= count; index++) {
    yield { kind: "write", text, tokens: 0, waitRatio: index / (count + 1) };
  }
}
