import type { TextDelta, ToolCallDelta } from "../domain/stream-event.ts";

/** Deltas of one part, joined and not sent yet. */
export type JoinedText = {
  readonly kind: TextKind;
  readonly choice: number;
  readonly part: number;
  text: string;
  logprobs: Logprobs;
};
export type JoinedToolCall = {
  readonly kind: "tool-call";
  readonly choice: number;
  readonly tool: number;
  readonly id: string;
  readonly name: string;
  text: string;
};
export type Joined = JoinedText | JoinedToolCall;

export type TextKind = "text" | "reasoning" | "refusal";
export type Logprobs = NonNullable<TextDelta["logprobs"]>;

const NO_LOGPROBS: Logprobs = [];

/** Joins deltas of one part. Everything that leaves does so by `send`, in the order it came. */
export type DeltaJoiner = {
  text(event: TextLike, kind: TextKind, part: number): void;
  toolCall(event: ToolCallDelta): void;
  /** UTF-16 units held back. */
  held(): number;
  /** Sends what is held back, except for the first half of a character that was cut in two. */
  leave(): boolean;
  /** Sends all that is held back. */
  flush(): void;
};

type TextLike = { readonly choice: number; readonly text: string; readonly logprobs?: Logprobs };

export function createDeltaJoiner(send: (joined: Joined) => void): DeltaJoiner {
  let pending: Joined | undefined;

  function flush(): void {
    const joined = pending;
    pending = undefined;
    if (joined !== undefined) {
      send(joined);
    }
  }

  return {
    text({ choice, text, logprobs = NO_LOGPROBS }, kind, part) {
      if (pending?.kind === kind && pending.choice === choice && pending.part === part) {
        pending.text += text;
        pending.logprobs =
          logprobs.length === 0 ? pending.logprobs : [...pending.logprobs, ...logprobs];
      } else {
        flush();
        pending = { kind, choice, part, text, logprobs };
      }
    },
    toolCall({ choice, tool, id, name, argumentsFragment }) {
      if (pending?.kind === "tool-call" && pending.choice === choice && pending.tool === tool) {
        pending.text += argumentsFragment;
      } else {
        flush();
        pending = { kind: "tool-call", choice, tool, id, name, text: argumentsFragment };
      }
    },
    held: () => pending?.text.length ?? 0,
    leave() {
      const joined = pending;
      if (joined === undefined || isHalf(joined)) {
        return false;
      }
      const rest = endsInHalf(joined.text) ? cutLast(joined) : undefined;
      flush();
      pending = rest;
      return true;
    },
    flush,
  };
}

/** A UTF-16 text that ends in the first half of a pair. */
function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}

/** Nothing but half a character, which alone is not worth a message. */
function isHalf(joined: Joined): boolean {
  const { text } = joined;
  return (
    text.length === 1 && endsInHalf(text) && !(joined.kind === "tool-call" && joined.id !== "")
  );
}

/** Takes the last unit off and returns it as the start of what follows. */
function cutLast(joined: Joined): Joined {
  const half = joined.text.slice(-1);
  joined.text = joined.text.slice(0, -1);
  return joined.kind === "tool-call"
    ? { ...joined, id: "", name: "", text: half }
    : { ...joined, logprobs: NO_LOGPROBS, text: half };
}
