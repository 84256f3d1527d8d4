import type { ReasoningSignature, RedactedReasoning } from "../domain/stream-event.ts";

/**
 * Which part of its choice a delta belongs to, by the rules of `domain/answer.ts`: texts of one kind
 * in a row are one part, a signature closes a reasoning part, every tool call is one part. Parts that
 * never reach the caller are not counted.
 */
export type PartIndex = {
  /** `undefined` when the text is empty and would begin a part: it begins none. */
  text(kind: "text" | "reasoning" | "refusal", choice: number, text: string): number | undefined;
  sealed(event: ReasoningSignature | RedactedReasoning): number;
  toolCall(choice: number, tool: number): void;
};

type Position = {
  /** Of the last part; -1 before the first. */
  index: number;
  /** Kind of the last part while it is open. */
  open: "text" | "reasoning" | "refusal" | undefined;
  /** Tool calls that have begun. */
  tools: number;
};

export function createPartIndex(): PartIndex {
  const positions: Position[] = [];

  function positionOf(choice: number): Position {
    const known = positions[choice];
    if (known !== undefined) {
      return known;
    }
    const first: Position = { index: -1, open: undefined, tools: 0 };
    positions[choice] = first;
    return first;
  }

  function begin(position: Position, kind: Position["open"]): number {
    position.index += 1;
    position.open = kind;
    return position.index;
  }

  return {
    text(kind, choice, text) {
      const position = positionOf(choice);
      if (position.open === kind) {
        return position.index;
      }
      return text === "" && kind !== "reasoning" ? undefined : begin(position, kind);
    },
    sealed(event) {
      const position = positionOf(event.choice);
      if (event.kind === "redacted-reasoning") {
        return begin(position, undefined);
      }
      const index = position.open === "reasoning" ? position.index : begin(position, "reasoning");
      if (event.signature.length > 0) {
        position.open = undefined;
      }
      return index;
    },
    toolCall(choice, tool) {
      const position = positionOf(choice);
      if (tool >= position.tools) {
        position.tools = tool + 1;
        begin(position, undefined);
      }
    },
  };
}
