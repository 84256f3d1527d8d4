/**
 * Messages as turns of content blocks, each block as JSON text.
 *
 * The format knows two speakers who take turns: results of tools belong to the user, and neighbours of
 * one role are one turn. Instructions stand apart from the turns, wherever they stood among them.
 */
import type { ContentPart, MediaPart, Message, TextPart } from "../../domain/completion.ts";
import type { Parameter } from "../../domain/parameters.ts";
import { base64Of, mimeTypeOf, sourceParameters } from "../encode-media.ts";
import { arrayText, isJsonObjectText, withMember } from "../json.ts";
import { UnencodableRequest } from "../unencodable-request.ts";

export type EncodedMessages = {
  /** JSON text of the list of turns. */
  readonly messages: string;
  /** JSON text of the list of instruction blocks; `undefined` when there are none. */
  readonly system: string | undefined;
};

/** More are an error; the last ones cover the longest prefixes. */
const MAX_CACHE_BREAKPOINTS = 4;

const CACHE_CONTROL = JSON.stringify({ type: "ephemeral" });

type Encoding = {
  readonly takes: ReadonlySet<Parameter>;
  /** Breakpoints still to come beyond the ones that may be sent. */
  surplusBreakpoints: number;
};

type Turn = { readonly role: "user" | "assistant"; readonly blocks: string[] };

export function encodeMessages(
  messages: readonly Message[],
  takes: ReadonlySet<Parameter>,
): EncodedMessages {
  const encoding: Encoding = {
    takes,
    surplusBreakpoints: countBreakpoints(messages) - MAX_CACHE_BREAKPOINTS,
  };
  const system: string[] = [];
  const turns: Turn[] = [];
  for (const { role, parts } of messages) {
    const isSystem = role === "system" || role === "developer";
    const blocks = parts.flatMap((part) => encodePart(part, encoding));
    if (isSystem) {
      system.push(...blocks);
    } else if (blocks.length > 0) {
      addTurn(turns, role === "assistant" ? "assistant" : "user", blocks);
    }
  }
  return {
    messages: arrayText(turns.map(turnText)),
    system: system.length === 0 ? undefined : arrayText(system),
  };
}

function countBreakpoints(messages: readonly Message[]): number {
  return messages.reduce(
    (sum, { parts }) => sum + parts.filter(({ cacheBreakpoint }) => cacheBreakpoint).length,
    0,
  );
}

function addTurn(turns: Turn[], role: Turn["role"], blocks: readonly string[]): void {
  const last = turns.at(-1);
  if (last?.role === role) {
    last.blocks.push(...blocks);
  } else {
    turns.push({ role, blocks: [...blocks] });
  }
}

function turnText({ role, blocks }: Turn): string {
  return withMember(JSON.stringify({ role }), "content", arrayText(blocks));
}

/** Nothing, or one block. */
function encodePart(part: ContentPart, encoding: Encoding): readonly string[] {
  const block = encodeBlock(part, encoding.takes);
  const isMarked = part.cacheBreakpoint && takesBreakpoint(encoding);
  if (block === undefined) {
    return [];
  }
  // Thinking cannot be marked; it is cached with what follows it.
  return [
    isMarked && part.kind !== "reasoning"
      ? withMember(block, "cache_control", CACHE_CONTROL)
      : block,
  ];
}

function takesBreakpoint(encoding: Encoding): boolean {
  encoding.surplusBreakpoints -= 1;
  return encoding.surplusBreakpoints < 0 && encoding.takes.has("cache_breakpoint");
}

function encodeBlock(part: ContentPart, takes: ReadonlySet<Parameter>): string | undefined {
  switch (part.kind) {
    case "text":
      return textBlock(part.text);
    case "refusal":
      // A refusal is text here.
      return takes.has("refusal_history") ? textBlock(part.text) : undefined;
    case "media":
      return takes.has(sourceParameters[part.source.kind]) ? mediaBlock(part, takes) : undefined;
    case "tool-call":
      return toolUseBlock(part);
    case "tool-result":
      return toolResultBlock(part, takes);
    case "reasoning":
      return takes.has("reasoning_history") ? reasoningBlock(part) : undefined;
    default:
      return part satisfies never;
  }
}

/** Empty text is refused. */
function textBlock(text: string): string | undefined {
  return text === "" ? undefined : JSON.stringify({ type: "text", text });
}

/** Models write broken arguments at times; what they wrote goes back in a form the format allows. */
function toolUseBlock({ id, name, argumentsJson }: Extract<ContentPart, { kind: "tool-call" }>) {
  const written = argumentsJson.trim() === "" ? "{}" : argumentsJson;
  const input = isJsonObjectText(written)
    ? written
    : JSON.stringify({ invalid_arguments: argumentsJson });
  return withMember(JSON.stringify({ type: "tool_use", id, name }), "input", input);
}

function toolResultBlock(
  { toolCallId, parts, isError }: Extract<ContentPart, { kind: "tool-result" }>,
  takes: ReadonlySet<Parameter>,
): string {
  const content = parts.flatMap((part: TextPart | MediaPart) => {
    if (part.kind === "text") {
      return textBlock(part.text) ?? [];
    }
    return takes.has("tool_result_media") ? mediaBlock(part, takes) : [];
  });
  const head = JSON.stringify({
    type: "tool_result",
    tool_use_id: toolCallId,
    ...(isError && takes.has("tool_result_error") && { is_error: true }),
  });
  return content.length === 0 ? head : withMember(head, "content", arrayText(content));
}

/**
 * A signature is the provider's own text, kept as its UTF-8 bytes. Thinking without one comes from
 * elsewhere and would be refused.
 */
function reasoningBlock({
  text,
  signature,
  redacted,
}: Extract<ContentPart, { kind: "reasoning" }>): string | undefined {
  if (signature.length === 0) {
    return undefined;
  }
  const opaque = Buffer.from(signature).toString("utf8");
  return JSON.stringify(
    redacted
      ? { type: "redacted_thinking", data: opaque }
      : { type: "thinking", thinking: text, signature: opaque },
  );
}

function mediaBlock(part: MediaPart, takes: ReadonlySet<Parameter>): string {
  switch (part.modality) {
    case "image":
      return JSON.stringify({ type: "image", source: sourceOf(part) });
    case "file":
      return JSON.stringify({
        type: "document",
        source: sourceOf(part),
        ...(part.filename !== "" && takes.has("media_filename") && { title: part.filename }),
      });
    case "audio":
    case "video":
      throw new UnencodableRequest(`The endpoint's format has no place for ${part.modality}.`);
    default:
      return part.modality satisfies never;
  }
}

function sourceOf(part: MediaPart): unknown {
  const { source } = part;
  switch (source.kind) {
    case "url":
      return { type: "url", url: source.url };
    case "file-id":
      return { type: "file", file_id: source.fileId };
    case "data":
      return dataSourceOf(part, source.data);
    default:
      return source satisfies never;
  }
}

/** Plain text goes as text; base64 is for images and PDF. */
function dataSourceOf(part: MediaPart, data: Uint8Array): unknown {
  const mediaType = mimeTypeOf(part);
  return part.modality === "file" && mediaType.startsWith("text/")
    ? { type: "text", media_type: "text/plain", data: Buffer.from(data).toString("utf8") }
    : { type: "base64", media_type: mediaType, data: base64Of(data) };
}
