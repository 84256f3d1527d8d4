import {
  isArray,
  isGiven,
  isObject,
  type JsonObject,
  property,
  textOrEmpty,
} from "./json-value.ts";
import type { Prompt, Segment } from "./prompt.ts";
import { RefusedRequest } from "./refusal.ts";
import { countTokens } from "./token-text.ts";

type Messages = Pick<
  Prompt,
  "segments" | "imageTokens" | "audioTokens" | "lastUserText" | "toolResult"
>;

type Content = {
  readonly text: string;
  readonly imageTokens: number;
  readonly audioTokens: number;
};

const ROLES = ["system", "assistant", "user", "function", "tool", "developer"];

/** What OpenAI adds for the frame of every message, near enough. */
const MESSAGE_TOKENS = 4;
const IMAGE_TOKENS = { low: 85, high: 765 };

/** Throws `RefusedRequest`. A segment per message; each may end a cached prefix. */
export function readOpenaiMessages(value: unknown): Messages {
  if (!isGiven(value)) {
    throw bad("Missing required parameter: 'messages'.", "messages", "missing_required_parameter");
  }
  if (!isArray(value)) {
    throw bad("Invalid type for 'messages': expected an array.", "messages", "invalid_type");
  }
  if (value.length === 0) {
    throw bad(
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      "messages",
      "empty_array",
    );
  }
  const messages = value.map(readMessage);
  assertToolAnswers(messages.map(({ message }) => message));
  const lastUser = messages.findLast(({ message }) => property(message, "role") === "user");
  const last = messages.at(-1);
  const isToolResult = ["tool", "function"].includes(roleOf(last?.message));
  return {
    segments: messages.map(segmentOf),
    imageTokens: messages.reduce((sum, { content }) => sum + content.imageTokens, 0),
    audioTokens: messages.reduce((sum, { content }) => sum + content.audioTokens, 0),
    lastUserText: lastUser?.content.text ?? "",
    toolResult: isToolResult ? last?.content.text : undefined,
  };
}

type Message = { readonly message: JsonObject; readonly content: Content };

function readMessage(message: unknown, index: number): Message {
  const path = `messages[${index}]`;
  if (!isObject(message)) {
    throw bad(`Invalid type for '${path}': expected an object.`, path, "invalid_type");
  }
  const role = roleOf(message);
  if (role === "") {
    throw bad(
      `Missing required parameter: '${path}.role'.`,
      `${path}.role`,
      "missing_required_parameter",
    );
  }
  if (!ROLES.includes(role)) {
    throw bad(
      `Invalid value: '${role}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.`,
      `${path}.role`,
      "invalid_value",
    );
  }
  const content = property(message, "content");
  if (!isGiven(content) && role !== "assistant") {
    throw bad(
      `Invalid value for 'content': expected a string, got null.`,
      `${path}.content`,
      "invalid_type",
    );
  }
  return { message, content: readContent(content, `${path}.content`) };
}

function readContent(content: unknown, path: string): Content {
  if (!isArray(content)) {
    if (isGiven(content) && typeof content !== "string") {
      throw bad(`Invalid type for '${path}': expected a string or an array.`, path, "invalid_type");
    }
    return { text: textOrEmpty(content), imageTokens: 0, audioTokens: 0 };
  }
  const parts = content.map((part, index) => readPart(part, `${path}[${index}]`));
  return {
    text: parts.map(({ text }) => text).join(""),
    imageTokens: parts.reduce((sum, { imageTokens }) => sum + imageTokens, 0),
    audioTokens: parts.reduce((sum, { audioTokens }) => sum + audioTokens, 0),
  };
}

function readPart(part: unknown, path: string): Content {
  const none = { text: "", imageTokens: 0, audioTokens: 0 };
  switch (property(part, "type")) {
    case "text":
      return { ...none, text: textOrEmpty(property(part, "text")) };
    case "refusal":
      return { ...none, text: textOrEmpty(property(part, "refusal")) };
    case "image_url":
      return { ...none, imageTokens: readImage(property(part, "image_url"), path) };
    case "input_audio": {
      const data = textOrEmpty(property(property(part, "input_audio"), "data"));
      return { ...none, audioTokens: Math.max(1, countTokens(data)) };
    }
    case "file": {
      const data = textOrEmpty(property(property(part, "file"), "file_data"));
      return { ...none, text: data };
    }
    default:
      throw bad(
        `Invalid value: '${property(part, "type")}'. Supported values are: 'text', 'image_url', 'input_audio', 'refusal', and 'file'.`,
        `${path}.type`,
        "invalid_value",
      );
  }
}

function readImage(image: unknown, path: string): number {
  const url = property(image, "url");
  if (typeof url !== "string" || !/^(https?:|data:)/.test(url)) {
    throw bad(
      "Invalid image URL. Expected a valid URL, but got a value with an invalid format.",
      `${path}.image_url.url`,
      "invalid_image_url",
    );
  }
  return property(image, "detail") === "low" ? IMAGE_TOKENS.low : IMAGE_TOKENS.high;
}

/** Every tool message answers a call before it, and every call is answered before the next turn. */
function assertToolAnswers(messages: readonly JsonObject[]): void {
  let open = new Set<string>();
  for (const [index, message] of messages.entries()) {
    const param = `messages.[${index}].role`;
    if (roleOf(message) === "tool") {
      const id = textOrEmpty(property(message, "tool_call_id"));
      if (!open.delete(id)) {
        throw bad(
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
          param,
        );
      }
      continue;
    }
    assertNoneOpen(open, param);
    open = callIdsOf(message);
  }
  assertNoneOpen(open, `messages.[${messages.length}].role`);
}

function assertNoneOpen(open: ReadonlySet<string>, param: string): void {
  if (open.size > 0) {
    throw bad(
      `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: ${[...open].join(", ")}`,
      param,
    );
  }
}

function callIdsOf(message: JsonObject): Set<string> {
  const calls = property(message, "tool_calls");
  return new Set(isArray(calls) ? calls.map((call) => textOrEmpty(property(call, "id"))) : []);
}

function segmentOf({ message, content }: Message): Segment {
  const calls = property(message, "tool_calls");
  const text = isArray(calls) ? content.text + JSON.stringify(calls) : content.text;
  const media = content.imageTokens + content.audioTokens;
  return {
    key: `${roleOf(message)}:${text}:${media}`,
    tokens: countTokens(text) + media + MESSAGE_TOKENS,
    breakpoint: true,
  };
}

function roleOf(message: unknown): string {
  return textOrEmpty(property(message, "role"));
}

function bad(message: string, param: string, code?: string): RefusedRequest {
  return new RefusedRequest({
    kind: "badRequest",
    message,
    param,
    ...(code === undefined ? {} : { code }),
  });
}
