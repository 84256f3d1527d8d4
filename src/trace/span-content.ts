/**
 * Prompts, tools and answers as the GenAI conventions write them into spans: JSON in four attributes.
 *
 * Every text is masked before it is cut, because a secret across the cut would survive in part. The
 * texts of one attribute share one allowance of characters, and messages that find nothing left of it
 * are left out, so that what is written stays valid JSON and bounded however long the prompt is. The
 * bytes of media are never written.
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
 */
import type { AnswerChoice } from "../domain/answer.ts";
import type { CompletionCall } from "../domain/call.ts";
import type {
  ContentPart,
  FunctionTool,
  MediaPart,
  Message,
  ToolResultPart,
} from "../domain/completion.ts";
import type { SpanAttributes } from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";

export type ContentSettings = {
  /** What they match is masked. They are global: every match counts. */
  readonly redact: readonly RegExp[];
  /** Of the texts of one attribute. Default: 32,768, which a collector takes by default. */
  readonly maxChars?: number;
};

const MAX_CHARS = 32_768;
const MASK = "[redacted]";

/** What a message costs beside its texts, so that a thousand empty ones are bounded as well. */
const MESSAGE_CHARS = 50;

/** A pattern that would match across the end of what is scanned cannot; so much is scanned, and not shown. */
const MARGIN = 1_000;

/** Of the call, with the answer that it carries, if any. */
export function contentAttributesOf(
  { spec, answer }: Pick<CompletionCall, "spec" | "answer">,
  settings: ContentSettings,
  names: AttributeNames,
): SpanAttributes {
  const { messages, tools } = spec;
  const firstTurn = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  const led = firstTurn === -1 ? messages.length : firstTurn;
  const choices = answer?.() ?? [];
  const write = <Item>(items: readonly Item[], encode: (item: Item, text: ShowText) => object) =>
    items.length === 0 ? undefined : jsonOf(items, settings, encode);
  const leading = messages.slice(0, led).flatMap(({ parts }) => parts);
  return {
    [names.systemInstructions]: write(leading, encodePart),
    [names.inputMessages]: write(messages.slice(led), encodeMessage),
    [names.outputMessages]: write(choices, encodeChoice),
    [names.toolDefinitions]: write(tools, encodeTool),
    [names.finishReasons]: finishReasonsOf(choices),
  };
}

/** Words of our own and no content. */
function finishReasonsOf(choices: readonly AnswerChoice[]): readonly string[] | undefined {
  const reasons = choices.flatMap(({ finishReason }) => finishReason ?? []);
  return reasons.length === 0 ? undefined : reasons;
}

type ShowText = (text: string) => string;

function jsonOf<Item>(
  items: readonly Item[],
  { redact, maxChars = MAX_CHARS }: ContentSettings,
  encode: (item: Item, text: ShowText) => object,
): string {
  let left = maxChars;
  const show: ShowText = (text) => {
    const shown = maskedStart(text, redact, Math.max(0, left));
    left -= shown.length;
    return shown;
  };
  const encoded: object[] = [];
  for (const item of items) {
    left -= MESSAGE_CHARS;
    if (left <= 0) {
      break;
    }
    encoded.push(encode(item, show));
  }
  return JSON.stringify(encoded);
}

/** At most `maxChars` of the text, masked; an ellipsis stands for the rest. */
function maskedStart(text: string, redact: readonly RegExp[], maxChars: number): string {
  const scanned = text.slice(0, maxChars + MARGIN);
  let masked = scanned;
  for (const pattern of redact) {
    masked = masked.replace(pattern, MASK);
  }
  const sound = scanned.length < text.length ? masked.length - MARGIN : masked.length;
  const shown = Math.min(maxChars, Math.max(0, sound));
  return shown === masked.length ? masked : `${masked.slice(0, shown)}…`;
}

function encodeMessage({ role, name, parts }: Message, text: ShowText): object {
  return {
    role,
    ...(name === "" ? undefined : { name: text(name) }),
    parts: parts.map((part) => encodePart(part, text)),
  };
}

function encodeChoice({ parts, finishReason }: AnswerChoice, text: ShowText): object {
  return {
    role: "assistant",
    parts: parts.map((part) => encodePart(part, text)),
    finish_reason: finishReason ?? "error",
  };
}

function encodeTool(tool: FunctionTool, text: ShowText): object {
  return {
    type: "function",
    name: text(tool.name),
    description: text(tool.description),
    parameters: text(tool.parametersJsonSchema),
  };
}

function encodePart(part: ContentPart | ToolResultPart["parts"][number], text: ShowText): object {
  switch (part.kind) {
    case "text":
      return { type: "text", content: text(part.text) };
    case "refusal":
      return { type: "refusal", content: text(part.text) };
    case "reasoning":
      return { type: "reasoning", content: text(part.text) };
    case "tool-call":
      return {
        type: "tool_call",
        id: text(part.id),
        name: text(part.name),
        arguments: text(part.argumentsJson),
      };
    case "tool-result":
      return {
        type: "tool_call_response",
        id: text(part.toolCallId),
        response: part.parts.map((inner) => encodePart(inner, text)),
      };
    case "media":
      return encodeMedia(part, text);
  }
}

function encodeMedia({ modality, mimeType, source }: MediaPart, text: ShowText): object {
  const about = { modality, mime_type: text(mimeType) };
  switch (source.kind) {
    case "url":
      return { type: "uri", ...about, uri: text(source.url) };
    case "file-id":
      return { type: "file", ...about, file_id: text(source.fileId) };
    case "data":
      return { type: "blob", ...about, bytes: source.data.length };
  }
}
