/**
 * Prompts, tools and answers as the GenAI conventions write them into spans: JSON in four attributes, and a
 * list of the texts that end an answer.
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
import { putAttribute, type SpanAttributesDraft } from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";

export type ContentSettings = {
  /** What they match is masked. They are global: every match counts. */
  readonly redact: readonly RegExp[];
  /** Of the texts of one attribute. Default: 32,768, which a collector takes by default. */
  readonly maxChars?: number;
};

const MAX_CHARS = 32_768;
const MASK = "[redacted]";

/** What a message, and each text of it, costs beside itself: a thousand empty ones are bounded as well. */
const ITEM_CHARS = 50;

/** No text is scanned further, and of a longer one nothing is shown: a match may reach across any cut. */
const MAX_SCANNED = 262_144;

/** Of the call, with the answer that it carries, if any. */
export function putContent(
  attributes: SpanAttributesDraft,
  { spec, answer }: Pick<CompletionCall, "spec" | "answer">,
  settings: ContentSettings,
  names: AttributeNames,
): void {
  const { messages, tools } = spec;
  const firstTurn = messages.findIndex(({ role }) => role !== "system" && role !== "developer");
  const led = firstTurn === -1 ? messages.length : firstTurn;
  const choices = answer?.() ?? [];
  const write = <Item>(items: readonly Item[], encode: (item: Item, text: ShowText) => object) =>
    items.length === 0 ? undefined : jsonOf(items, settings, encode);
  putAttribute(attributes, names.requestStop, shownStops(spec.sampling.stop, settings));
  const leading = messages.slice(0, led).flatMap(({ parts }) => parts);
  putAttribute(attributes, names.systemInstructions, write(leading, encodePart));
  putAttribute(attributes, names.inputMessages, write(messages.slice(led), encodeMessage));
  putAttribute(attributes, names.outputMessages, write(choices, encodeChoice));
  putAttribute(attributes, names.toolDefinitions, write(tools, encodeTool));
}

type ShowText = ((text: string) => string) & {
  /** The attribute has no room for more. */
  readonly isFull: () => boolean;
};

/** Absent when there is none. */
function shownStops(
  stops: readonly string[],
  { redact, maxChars = MAX_CHARS }: ContentSettings,
): readonly string[] | undefined {
  let left = maxChars;
  const shown = stops.map((stop) => {
    const start = maskedStart(stop, redact, Math.max(0, left));
    left -= start.length;
    return start;
  });
  return shown.length === 0 ? undefined : shown;
}

function jsonOf<Item>(
  items: readonly Item[],
  { redact, maxChars = MAX_CHARS }: ContentSettings,
  encode: (item: Item, text: ShowText) => object,
): string {
  let left = maxChars;
  const showText = (text: string) => {
    const shown = maskedStart(text, redact, Math.max(0, left));
    left -= shown.length + ITEM_CHARS;
    return shown;
  };
  const show: ShowText = Object.assign(showText, { isFull: () => left <= 0 });
  const encoded: object[] = [];
  for (const item of items) {
    left -= ITEM_CHARS;
    if (show.isFull()) {
      break;
    }
    encoded.push(encode(item, show));
  }
  return JSON.stringify(encoded);
}

/** At most `maxChars` of the text, masked before it is cut; an ellipsis stands for the rest. */
function maskedStart(text: string, redact: readonly RegExp[], maxChars: number): string {
  if (maxChars === 0 || (redact.length > 0 && text.length > MAX_SCANNED)) {
    return "…";
  }
  let masked = text;
  for (const pattern of redact) {
    masked = masked.replace(pattern, MASK);
  }
  return masked.length <= maxChars ? masked : `${masked.slice(0, maxChars)}…`;
}

function encodeMessage({ role, name, parts }: Message, text: ShowText): object {
  return {
    role,
    ...(name === "" ? undefined : { name: text(name) }),
    parts: encodeParts(parts, text),
  };
}

function encodeChoice({ parts, finishReason }: AnswerChoice, text: ShowText): object {
  return {
    role: "assistant",
    parts: encodeParts(parts, text),
    finish_reason: finishReason ?? "error",
  };
}

/** As many as there is room for. */
function encodeParts(parts: readonly Parameters<typeof encodePart>[0][], text: ShowText): object[] {
  const encoded: object[] = [];
  for (const part of parts) {
    if (text.isFull()) {
      break;
    }
    encoded.push(encodePart(part, text));
  }
  return encoded;
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
        response: encodeParts(part.parts, text),
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
