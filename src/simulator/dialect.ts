import type { IncomingHttpHeaders } from "node:http";
import type { Completion, Frame } from "./completion.ts";
import type { JsonObject } from "./json-value.ts";
import type { Profile } from "./profile.ts";
import type { Prompt } from "./prompt.ts";
import type { RateReading } from "./rate-window.ts";
import type { Refusal } from "./refusal.ts";

export type DialectName = "openai-chat" | "anthropic-messages";

export type Headers = Readonly<Record<string, string>>;

/** One wire format: how it reads requests and writes answers. Holds no state. */
export type Dialect = {
  /** Path of a completion, below the endpoint's base URL. */
  readonly completionPath: string;
  /** Name of the header with the request id, and the prefix of the id. */
  readonly requestId: { readonly header: string; readonly prefix: string };
  /** `undefined` without a key. */
  keyOf(headers: IncomingHttpHeaders): string | undefined;
  /** Throws `RefusedRequest`. */
  parse(body: unknown, headers: IncomingHttpHeaders, profile: Profile): ParsedRequest;
  refuse(refusal: Refusal, context: RefusalContext): ErrorResponse;
  rateHeaders(profile: Profile, reading: RateReading, nowMs: number): Headers;
  /** Body of a request to list the models. */
  listModels(model: string, createdSeconds: number): JsonObject;
};

/** A valid request: what it asks, and how its answer is written. */
export type ParsedRequest = {
  readonly prompt: Prompt;
  readonly isStream: boolean;
  answer(completion: Completion): JsonObject;
  stream(completion: Completion): Iterable<Frame>;
  /** Data of the event that ends a stream with an error. */
  streamError(): string;
  /** An event whose data is not JSON. */
  brokenEvent(): string;
};

export type RefusalContext = { readonly requestId: string; readonly profile: Profile };

export type ErrorResponse = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: JsonObject;
};

/** The line end and the blank line of server-sent events. */
export function lineEndOf({ quirks }: Profile): string {
  return quirks.crlf ? "\r\n" : "\n";
}
