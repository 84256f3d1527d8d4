import type {
  MediaPart as WireMedia,
  Message as WireMessage,
  ContentPart as WirePart,
  ToolResult as WireToolResult,
} from "../../gen/atlas/v1/completion_pb.ts";
import { Modality as WireModality } from "../../gen/atlas/v1/types_pb.ts";
import type { ContentPart, MediaPart, Message, Role, TextPart } from "../domain/completion.ts";
import type { Modality } from "../domain/endpoint.ts";
import type { Violations } from "./violations.ts";
import { modalityFromWire, roleFromWire } from "./wire-enums.ts";

/** OpenAI allows 64, others more; longer ones are a caller's mistake everywhere. */
const MAX_NAME_CHARS = 256;
const MAX_ID_CHARS = 256;
const MAX_URL_CHARS = 8_192;
const FUNCTION_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MIME_TYPE = /^[a-z]+\/[a-z0-9][a-z0-9.+-]*$/i;
const DETAILS: readonly string[] = ["", "low", "high", "auto"];

/** What stands in for a part that was refused; the call never gets past its violations. */
const NO_PART: ContentPart = { kind: "text", text: "", cacheBreakpoint: false };

/** The conversation so far, for the rules that span messages. */
type Conversation = {
  readonly violations: Violations;
  /** Absent until the first tool call, which most conversations never see. */
  toolCalls: Set<string> | undefined;
};

export function decodeMessages(
  messages: readonly WireMessage[],
  violations: Violations,
): readonly Message[] {
  const conversation: Conversation = { violations, toolCalls: undefined };
  const decoded: Message[] = [];
  for (let index = 0; index < messages.length; index += 1) {
    decoded.push(decodeMessage(messages[index] as WireMessage, index, conversation));
  }
  return decoded;
}

/** https://docs.anthropic.com and OpenAI name functions alike. */
export function isFunctionName(name: string): boolean {
  return FUNCTION_NAME.test(name);
}

function decodeMessage(message: WireMessage, index: number, conversation: Conversation): Message {
  const { violations } = conversation;
  const role = roleFromWire[message.role];
  if (role === undefined) {
    violations.add(`spec.messages[${index}].role`, "must be one of the defined roles");
  }
  if (message.parts.length === 0) {
    violations.add(`spec.messages[${index}].parts`, "must have at least one part");
  }
  if (message.name.length > MAX_NAME_CHARS) {
    violations.add(
      `spec.messages[${index}].name`,
      `must have at most ${MAX_NAME_CHARS} characters`,
    );
  }
  const speaker = role ?? "user";
  const parts: ContentPart[] = [];
  for (let at = 0; at < message.parts.length; at += 1) {
    const place: Place = { message: index, part: at, role: speaker };
    parts.push(decodePart(message.parts[at] as WirePart, place, conversation));
  }
  return { role: speaker, parts, name: message.name };
}

/** Where a part stands. Its path is written only when something is wrong with it. */
type Place = { readonly message: number; readonly part: number; readonly role: Role };

function pathOf({ message, part }: Place, field: string): string {
  return `spec.messages[${message}].parts[${part}]${field}`;
}

function decodePart(
  { part, cacheBreakpoint }: WirePart,
  place: Place,
  conversation: Conversation,
): ContentPart {
  const { violations } = conversation;
  checkSpeaker(part.case, place, violations);
  switch (part.case) {
    case "text":
    case "refusal":
      if (part.value === "") {
        violations.add(pathOf(place, `.${part.case}`), "must not be empty");
      }
      return { kind: part.case, text: part.value, cacheBreakpoint };
    case "media":
      return { ...decodeMedia(part.value, pathOf(place, ".media"), violations), cacheBreakpoint };
    case "toolCall":
      return { ...decodeToolCall(part.value, place, conversation), cacheBreakpoint };
    case "toolResult":
      return { ...decodeToolResult(part.value, place, conversation), cacheBreakpoint };
    case "reasoning": {
      const { text, signature, redacted } = part.value;
      if (text === "" && signature.length === 0) {
        violations.add(pathOf(place, ".reasoning"), "must have a text or a signature");
      }
      return { kind: "reasoning", text, signature, redacted, cacheBreakpoint };
    }
    case undefined:
      violations.add(pathOf(place, ""), "must be one of the defined kinds of content");
      return NO_PART;
    default:
      return part satisfies never;
  }
}

/** Which kinds of content only one role can say. */
function checkSpeaker(kind: WirePart["part"]["case"], place: Place, violations: Violations): void {
  const speaks = kind === undefined ? undefined : speakers[kind];
  if (speaks !== undefined && speaks !== place.role) {
    violations.add(pathOf(place, ""), `holds content that only the role ${speaks} can have`);
  }
  if (place.role === "tool" && kind !== "toolResult" && kind !== undefined) {
    violations.add(pathOf(place, ""), "must be a tool_result in a message of the role tool");
  }
}

const speakers: Partial<Record<NonNullable<WirePart["part"]["case"]>, Role>> = {
  toolCall: "assistant",
  toolResult: "tool",
  reasoning: "assistant",
  refusal: "assistant",
};

function decodeToolCall(
  call: { readonly id: string; readonly name: string; readonly argumentsJson: string },
  place: Place,
  conversation: Conversation,
) {
  const { violations } = conversation;
  conversation.toolCalls ??= new Set();
  if (call.id === "" || call.id.length > MAX_ID_CHARS) {
    violations.add(pathOf(place, ".tool_call.id"), `must have 1 to ${MAX_ID_CHARS} characters`);
  } else if (conversation.toolCalls.has(call.id)) {
    violations.add(pathOf(place, ".tool_call.id"), "must be unique in the conversation");
  }
  conversation.toolCalls.add(call.id);
  if (!isFunctionName(call.name)) {
    violations.add(
      pathOf(place, ".tool_call.name"),
      'must have 1 to 64 letters, digits, "_" and "-"',
    );
  }
  return {
    kind: "tool-call",
    id: call.id,
    name: call.name,
    argumentsJson: call.argumentsJson,
  } as const;
}

function decodeToolResult(result: WireToolResult, place: Place, conversation: Conversation) {
  const { violations, toolCalls } = conversation;
  const path = pathOf(place, ".tool_result");
  if (result.toolCallId === "") {
    violations.add(`${path}.tool_call_id`, "must not be empty");
  } else if (toolCalls?.has(result.toolCallId) !== true) {
    violations.add(`${path}.tool_call_id`, "must be the id of a tool call before it");
  }
  return {
    kind: "tool-result",
    toolCallId: result.toolCallId,
    parts: result.parts.flatMap(({ part }, index) =>
      decodeResultPart(part, `${path}.parts[${index}]`, violations),
    ),
    isError: result.isError,
  } as const;
}

function decodeResultPart(
  part: WirePart["part"],
  path: string,
  violations: Violations,
): readonly (TextPart | MediaPart)[] {
  switch (part.case) {
    case "text":
      return [{ kind: "text", text: part.value }];
    case "media":
      return [decodeMedia(part.value, `${path}.media`, violations)];
    default:
      violations.add(path, "must be text or media");
      return [];
  }
}

function decodeMedia(media: WireMedia, path: string, violations: Violations): MediaPart {
  const { source, mimeType } = decodeSource(media, path, violations);
  if (mimeType !== "" && !MIME_TYPE.test(mimeType)) {
    violations.add(`${path}.mime_type`, "must be a media type such as image/png");
  }
  if (!DETAILS.includes(media.detail)) {
    violations.add(`${path}.detail`, "must be low, high, auto or empty");
  }
  if (media.filename.length > MAX_NAME_CHARS) {
    violations.add(`${path}.filename`, `must have at most ${MAX_NAME_CHARS} characters`);
  }
  return {
    kind: "media",
    modality: decodeModality(media.modality, mimeType, { path, violations }),
    mimeType,
    source,
    detail: media.detail,
    filename: media.filename,
  };
}

function decodeModality(
  modality: number,
  mimeType: string,
  { path, violations }: { readonly path: string; readonly violations: Violations },
): MediaPart["modality"] {
  const named = modalityFromWire[modality];
  if (named === "text" || (named === undefined && modality !== WireModality.UNSPECIFIED)) {
    violations.add(`${path}.modality`, "must be image, audio, video or file");
    return "file";
  }
  if (named !== undefined) {
    return named;
  }
  if (mimeType === "") {
    violations.add(`${path}.modality`, "must be given when mime_type is empty");
  }
  return modalityOfMimeType(mimeType);
}

function modalityOfMimeType(mimeType: string): Exclude<Modality, "text"> {
  const [family] = mimeType.toLowerCase().split("/", 1);
  return family === "image" || family === "audio" || family === "video" ? family : "file";
}

const NO_SOURCE: MediaPart["source"] = { kind: "file-id", fileId: "" };

function decodeSource(
  { source, mimeType }: WireMedia,
  path: string,
  violations: Violations,
): { readonly source: MediaPart["source"]; readonly mimeType: string } {
  switch (source.case) {
    case "url":
      return decodeUrl(source.value, mimeType, { path: `${path}.url`, violations });
    case "data":
      if (source.value.length === 0) {
        violations.add(`${path}.data`, "must not be empty");
      }
      if (mimeType === "") {
        violations.add(`${path}.mime_type`, "is required with data");
      }
      return { source: { kind: "data", data: source.value }, mimeType };
    case "fileId":
      if (source.value === "") {
        violations.add(`${path}.file_id`, "must not be empty");
      }
      return { source: { kind: "file-id", fileId: source.value }, mimeType };
    case undefined:
      violations.add(path, "must have a url, data or a file_id");
      return { source: NO_SOURCE, mimeType };
    default:
      return source satisfies never;
  }
}

/** A `data:` URL becomes the bytes it holds, because not every wire format takes such a URL. */
function decodeUrl(
  url: string,
  mimeType: string,
  { path, violations }: { readonly path: string; readonly violations: Violations },
): { readonly source: MediaPart["source"]; readonly mimeType: string } {
  const inline =
    /^data:([a-z]+\/[a-z0-9.+-]+)(?:;[a-z0-9-]+=[^;,]*)*;base64,([a-z0-9+/_-]+={0,2})$/i.exec(url);
  const [, inlineType, base64] = inline ?? [];
  if (inlineType !== undefined && base64 !== undefined) {
    return {
      source: { kind: "data", data: Buffer.from(base64, "base64") },
      mimeType: mimeType === "" ? inlineType : mimeType,
    };
  }
  if (url.length > MAX_URL_CHARS || !isHttpsUrl(url)) {
    violations.add(
      path,
      `must be an https URL without credentials of at most ${MAX_URL_CHARS} characters, or base64 in a data URL`,
    );
  }
  return { source: { kind: "url", url }, mimeType };
}

function isHttpsUrl(text: string): boolean {
  const url = URL.parse(text);
  return url?.protocol === "https:" && url.username === "" && url.password === "";
}
