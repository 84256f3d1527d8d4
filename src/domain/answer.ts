import type { ContentPart } from "./completion.ts";
import type { FinishReason, StreamEvent, TokenLogprob, ToolCallDelta } from "./stream-event.ts";

/** One finished or broken-off candidate answer. */
export type AnswerChoice = {
  readonly index: number;
  /** In the order in which they began. */
  readonly parts: readonly ContentPart[];
  /** Absent when the answer broke off. */
  readonly finishReason: FinishReason | undefined;
  readonly rawFinishReason: string;
  readonly stopSequence: string;
  readonly logprobs: readonly TokenLogprob[];
};

/** Folds the events of one answer into its choices. */
export type Answer = {
  take(event: StreamEvent): void;
  /** Sorted by index. */
  choices(): readonly AnswerChoice[];
};

type Draft = {
  parts: DraftPart[];
  /** Position in `parts` by tool index. */
  toolPositions: number[];
  finishReason: FinishReason | undefined;
  rawFinishReason: string;
  stopSequence: string;
  logprobs: TokenLogprob[];
};

type DraftPart =
  | { readonly kind: "text" | "refusal"; text: string }
  | { readonly kind: "reasoning"; text: string; signature: Uint8Array; readonly redacted: boolean }
  | { readonly kind: "tool-call"; id: string; name: string; argumentsJson: string };

const NO_BYTES = new Uint8Array(0);

export function createAnswer(): Answer {
  const drafts: Draft[] = [];
  return {
    take(event) {
      if (event.kind !== "response-start" && event.kind !== "usage") {
        drafts[event.choice] ??= emptyDraft();
        take(drafts[event.choice] as Draft, event);
      }
    },
    choices() {
      const choices: AnswerChoice[] = [];
      // `forEach` skips the holes that a provider leaves when it never begins a choice.
      drafts.forEach((draft, index) => {
        choices.push(finishDraft(draft, index));
      });
      return choices;
    },
  };
}

function emptyDraft(): Draft {
  return {
    parts: [],
    toolPositions: [],
    finishReason: undefined,
    rawFinishReason: "",
    stopSequence: "",
    logprobs: [],
  };
}

function take(
  draft: Draft,
  event: Exclude<StreamEvent, { kind: "response-start" } | { kind: "usage" }>,
): void {
  switch (event.kind) {
    case "text-delta":
      addText(draft, "text", event.text);
      if (event.logprobs !== undefined) {
        draft.logprobs.push(...event.logprobs);
      }
      break;
    case "refusal-delta":
      addText(draft, "refusal", event.text);
      break;
    case "reasoning-delta":
      openReasoning(draft).text += event.text;
      break;
    case "reasoning-signature":
      openReasoning(draft).signature = event.signature;
      break;
    case "redacted-reasoning":
      draft.parts.push({ kind: "reasoning", text: "", signature: event.data, redacted: true });
      break;
    case "tool-call-delta":
      addToolCall(draft, event);
      break;
    case "choice-end":
      draft.finishReason = event.reason;
      draft.rawFinishReason = event.rawReason;
      draft.stopSequence = event.stopSequence;
      break;
    /* v8 ignore next 2 -- @preserve: no kind is left, which the compiler checks */
    default:
      event satisfies never;
  }
}

function addText(draft: Draft, kind: "text" | "refusal", text: string): void {
  const last = draft.parts.at(-1);
  if (last?.kind === kind) {
    last.text += text;
  } else if (text !== "") {
    draft.parts.push({ kind, text });
  }
}

/** The reasoning part that is still being written: a signature closes it. */
function openReasoning(draft: Draft) {
  const last = draft.parts.at(-1);
  if (last?.kind === "reasoning" && !last.redacted && last.signature.length === 0) {
    return last;
  }
  const part = { kind: "reasoning" as const, text: "", signature: NO_BYTES, redacted: false };
  draft.parts.push(part);
  return part;
}

function addToolCall(draft: Draft, { tool, id, name, argumentsFragment }: ToolCallDelta): void {
  const position = draft.toolPositions[tool];
  const part = position === undefined ? undefined : draft.parts[position];
  if (part?.kind === "tool-call") {
    part.argumentsJson += argumentsFragment;
    return;
  }
  draft.toolPositions[tool] = draft.parts.length;
  draft.parts.push({ kind: "tool-call", id, name, argumentsJson: argumentsFragment });
}

function finishDraft(draft: Draft, index: number): AnswerChoice {
  return {
    index,
    parts: draft.parts.map((part) => ({ ...part, cacheBreakpoint: false })),
    finishReason: draft.finishReason,
    rawFinishReason: draft.rawFinishReason,
    stopSequence: draft.stopSequence,
    logprobs: draft.logprobs,
  };
}
