import type { ContentPart, MediaPart, Message, Role, TextPart } from "../../domain/completion.ts";
import type { Parameter } from "../../domain/parameters.ts";
import type { OpenaiFlavor } from "../connection.ts";
import { base64Of, mimeTypeOf, sourceParameters } from "../encode-media.ts";

/** Ready for `JSON.stringify`. */
export type WireMessage = { readonly type?: unknown } & Readonly<Record<string, unknown>>;

export type MessageRules = {
  readonly takes: ReadonlySet<Parameter>;
  readonly flavor: OpenaiFlavor;
};

/** Messages in the format's words, in their order. */
export function encodeMessages(
  messages: readonly Message[],
  rules: MessageRules,
): readonly WireMessage[] {
  const encoded: WireMessage[] = [];
  for (const message of messages) {
    const text = soleTextOf(message);
    if (text === undefined) {
      encoded.push(...encodeMessage(message, rules));
    } else {
      encoded.push(
        named({ role: roleOf(message.role, rules.flavor), content: text }, message, rules),
      );
    }
  }
  return encoded;
}

/** Of a message that is nothing but one text, as most are. */
function soleTextOf({ parts }: Message): string | undefined {
  const part = parts[0];
  return parts.length === 1 && part?.kind === "text" ? part.text : undefined;
}

/**
 * One message in the format's words: results of tool calls become messages of their own, everything
 * else stays together. Content that is text alone is one string, because not all servers take lists;
 * its parts are then separate lines, as the engines' own templates join them.
 */
function encodeMessage(message: Message, rules: MessageRules): readonly WireMessage[] {
  const results: WireMessage[] = [];
  const rest: ContentPart[] = [];
  for (const part of message.parts) {
    if (part.kind === "tool-result") {
      const content = textsOf(part.parts).join("\n");
      results.push({ role: "tool", tool_call_id: part.toolCallId, content });
    } else {
      rest.push(part);
    }
  }
  if (rest.length === 0) {
    return results;
  }
  const spoken =
    message.role === "assistant"
      ? encodeAssistant(rest, rules)
      : encodeSpeech(message, rest, rules);
  results.push(named(spoken, message, rules));
  return results;
}

function named(spoken: WireMessage, { name }: Message, { takes }: MessageRules): WireMessage {
  return name !== "" && takes.has("message_name") ? { ...spoken, name } : spoken;
}

function encodeSpeech(
  { role }: Message,
  parts: readonly ContentPart[],
  rules: MessageRules,
): WireMessage {
  const content = parts.every(isText) ? [] : parts.flatMap((part) => encodePart(part, rules));
  const isList = content.some(({ type }) => type !== "text");
  return {
    role: roleOf(role, rules.flavor),
    content: isList ? content : textContent(textsOf(parts), rules.flavor),
  };
}

function roleOf(role: Role, flavor: OpenaiFlavor): string {
  if (role === "developer" && flavor === "compatible") {
    return "system";
  }
  // What is no result of a tool under the role of tools is spoken to the model.
  return role === "tool" ? "user" : role;
}

function encodeAssistant(parts: readonly ContentPart[], { takes, flavor }: MessageRules) {
  const texts = textsOf(parts);
  const calls = parts.flatMap((part) =>
    part.kind === "tool-call"
      ? [
          {
            id: part.id,
            type: "function",
            function: { name: part.name, arguments: part.argumentsJson || "{}" },
          },
        ]
      : [],
  );
  const reasoning = parts.flatMap((part) => (part.kind === "reasoning" ? part.text : [])).join("");
  const refusal = parts.flatMap((part) => (part.kind === "refusal" ? part.text : [])).join("");
  const tellsRefusal = refusal !== "" && takes.has("refusal_history");
  // A message without calls or refusal must have content, even if it is empty.
  const mayBeNull = texts.length === 0 && (calls.length > 0 || tellsRefusal);
  return {
    role: "assistant",
    content: mayBeNull ? null : textContent(texts, flavor),
    ...(reasoning !== "" && takes.has("reasoning_history") && { reasoning_content: reasoning }),
    ...(tellsRefusal && { refusal }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function textContent(texts: readonly string[], flavor: OpenaiFlavor): unknown {
  return texts.length > 1 && flavor === "openai"
    ? texts.map((text) => ({ type: "text", text }))
    : texts.join("\n");
}

function textsOf(parts: readonly (ContentPart | TextPart | MediaPart)[]): readonly string[] {
  return parts.filter(isText).map(({ text }) => text);
}

function isText(part: ContentPart | TextPart | MediaPart): part is TextPart {
  return part.kind === "text";
}

function encodePart(part: ContentPart, rules: MessageRules): readonly WireMessage[] {
  if (part.kind === "text") {
    return [{ type: "text", text: part.text }];
  }
  if (part.kind === "media" && rules.takes.has(sourceParameters[part.source.kind])) {
    return [encodeMedia(part, rules.takes)];
  }
  return [];
}

/** `video_url` and `audio_url` are vLLM's; the rest is OpenAI's own. */
function encodeMedia(part: MediaPart, takes: ReadonlySet<Parameter>): WireMessage {
  const { modality, source } = part;
  if (source.kind === "file-id" || modality === "file") {
    return encodeFile(part, takes);
  }
  const url = urlOf(part);
  switch (modality) {
    case "image": {
      const detail = part.detail !== "" && takes.has("media_detail") && { detail: part.detail };
      return { type: "image_url", image_url: { url, ...detail } };
    }
    case "audio":
      return source.kind === "data"
        ? {
            type: "input_audio",
            input_audio: { data: base64Of(source.data), format: audioFormatOf(mimeTypeOf(part)) },
          }
        : { type: "audio_url", audio_url: { url } };
    case "video":
      return { type: "video_url", video_url: { url } };
    default:
      return modality satisfies never;
  }
}

/** OpenAI takes data and ids; a URL in place of data is what the compatible servers take. */
function encodeFile(part: MediaPart, takes: ReadonlySet<Parameter>): WireMessage {
  const { source } = part;
  const filename = part.filename !== "" &&
    takes.has("media_filename") && { filename: part.filename };
  return {
    type: "file",
    file:
      source.kind === "file-id"
        ? { file_id: source.fileId, ...filename }
        : { file_data: urlOf(part), ...filename },
  };
}

function urlOf(part: MediaPart): string {
  const { source } = part;
  switch (source.kind) {
    case "url":
      return source.url;
    case "data":
      return `data:${mimeTypeOf(part)};base64,${base64Of(source.data)}`;
    case "file-id":
      return source.fileId;
    default:
      return source satisfies never;
  }
}

/** The format knows `wav` and `mp3`; others are named as their media type names them. */
function audioFormatOf(mimeType: string): string {
  const subtype = mimeType.replace(/^[^/]*\//, "").replace(/[;\s].*$/, "");
  switch (subtype) {
    case "mpeg":
    case "mp3":
      return "mp3";
    case "wav":
    case "wave":
    case "x-wav":
    case "vnd.wave":
      return "wav";
    default:
      return subtype.replace(/^x-/, "");
  }
}
