import { isArray, isGiven, isObject, property, textOrEmpty } from "./json-value.ts";
import type { Prompt, Segment } from "./prompt.ts";
import { RefusedRequest } from "./refusal.ts";
import { countTokens } from "./token-text.ts";

type Messages = Pick<
  Prompt,
  "segments" | "imageTokens" | "audioTokens" | "lastUserText" | "toolResult"
>;

type Block = {
  readonly type: string;
  readonly text: string;
  readonly tokens: number;
  readonly imageTokens: number;
  readonly raw: unknown;
};

type Turn = { readonly role: "user" | "assistant"; readonly blocks: readonly Block[] };

const MESSAGE_TOKENS = 4;
/** A picture of about one megapixel: width × height / 750. */
const IMAGE_TOKENS = 1_334;

/** Throws `RefusedRequest`. A segment per content block, since each may carry `cache_control`. */
export function readAnthropicMessages(value: unknown): Messages {
  if (!isArray(value)) {
    throw invalid("messages: Input should be a valid list");
  }
  if (value.length === 0) {
    throw invalid("messages: at least one message is required");
  }
  const turns = value.map(readTurn);
  if (turns[0]?.role !== "user") {
    throw invalid('messages: first message must use the "user" role');
  }
  assertToolResults(turns);
  const lastUser = turns.findLast(({ role }) => role === "user");
  const results = turns.at(-1)?.blocks.filter(({ type }) => type === "tool_result") ?? [];
  const texts = lastUser?.blocks.filter(({ type }) => type === "text") ?? [];
  const blocks = turns.flatMap((turn) => turn.blocks);
  return {
    segments: turns.flatMap(segmentsOf),
    imageTokens: blocks.reduce((sum, { imageTokens }) => sum + imageTokens, 0),
    audioTokens: 0,
    lastUserText: texts.map(({ text }) => text).join(""),
    toolResult: results.length > 0 ? results.map(({ text }) => text).join(", ") : undefined,
  };
}

export function invalid(message: string): RefusedRequest {
  return new RefusedRequest({ kind: "badRequest", message });
}

/** A prefix may be cached where a block says so. */
export function blockSegment(raw: unknown, tokens: number): Segment {
  const breakpoint = isGiven(property(raw, "cache_control"));
  if (!breakpoint) {
    return { key: JSON.stringify(raw), tokens, breakpoint };
  }
  // The mark itself is no part of the prompt.
  const { cache_control: _, ...unmarked } = isObject(raw) ? raw : {};
  return { key: JSON.stringify(unmarked), tokens, breakpoint };
}

function readTurn(message: unknown, index: number): Turn {
  const role = property(message, "role");
  if (role !== "user" && role !== "assistant") {
    throw invalid(
      role === "system"
        ? 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'
        : `messages.${index}.role: Input should be 'user' or 'assistant'`,
    );
  }
  const content = property(message, "content");
  if (typeof content !== "string" && !isArray(content)) {
    throw invalid(`messages.${index}.content: Field required`);
  }
  if (content.length === 0) {
    throw invalid(`messages.${index}: user messages must have non-empty content`);
  }
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return {
    role,
    blocks: blocks.map((block, position) =>
      readBlock(block, `messages.${index}.content.${position}`),
    ),
  };
}

function readBlock(raw: unknown, path: string): Block {
  const type = textOrEmpty(property(raw, "type"));
  const textual = (text: string): Block => ({
    type,
    text,
    tokens: countTokens(text),
    imageTokens: 0,
    raw,
  });
  switch (type) {
    case "text":
      return textual(textOrEmpty(property(raw, "text")));
    case "thinking":
      return textual(textOrEmpty(property(raw, "thinking")));
    case "redacted_thinking":
      return textual("");
    case "tool_use":
      return textual(JSON.stringify(property(raw, "input") ?? {}));
    case "tool_result":
      return textual(resultText(property(raw, "content")));
    case "document":
    case "search_result":
      return textual(documentText(raw));
    case "image":
      return { type, text: "", tokens: IMAGE_TOKENS, imageTokens: IMAGE_TOKENS, raw };
    default:
      throw invalid(
        `${path}: Input tag '${type}' found using 'type' does not match any of the expected tags: 'document', 'image', 'redacted_thinking', 'search_result', 'text', 'thinking', 'tool_result', 'tool_use'`,
      );
  }
}

function resultText(content: unknown): string {
  return isArray(content)
    ? content.map((part) => textOrEmpty(property(part, "text"))).join("")
    : textOrEmpty(content);
}

function documentText(raw: unknown): string {
  return (
    textOrEmpty(property(property(raw, "source"), "data")) || resultText(property(raw, "content"))
  );
}

/** Every result answers a call of the turn before, and every call is answered in the turn after. */
function assertToolResults(turns: readonly Turn[]): void {
  for (const [index, turn] of turns.entries()) {
    const calls = idsOf(turns[index - 1], "tool_use", "id");
    const results = idsOf(turn, "tool_result", "tool_use_id");
    const stray = results.find((id) => !calls.includes(id));
    if (stray !== undefined) {
      throw invalid(
        `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
      );
    }
    const unanswered = calls.filter((id) => !results.includes(id));
    if (unanswered.length > 0) {
      throw invalid(
        `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${unanswered.join(", ")}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
      );
    }
  }
}

function idsOf(turn: Turn | undefined, type: string, key: string): readonly string[] {
  const blocks = turn?.blocks.filter((block) => block.type === type) ?? [];
  return blocks.map(({ raw }) => textOrEmpty(property(raw, key)));
}

function segmentsOf({ role, blocks }: Turn): readonly Segment[] {
  return blocks.map(({ raw, tokens }, index) => {
    const segment = blockSegment(raw, tokens + (index === 0 ? MESSAGE_TOKENS : 0));
    return { ...segment, key: `${role}:${segment.key}` };
  });
}
