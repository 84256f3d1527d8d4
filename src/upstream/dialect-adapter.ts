import type { Endpoint } from "../domain/catalog.ts";
import type { CompletionSpec } from "../domain/completion.ts";
import type { Outcome } from "../domain/outcome.ts";
import type { Emit } from "../domain/stream-event.ts";
import type { OpenaiFlavor } from "./connection.ts";
import type { Redaction } from "./redact.ts";

/** What a request is made of. */
export type EncodeInput = {
  readonly endpoint: Endpoint;
  readonly spec: CompletionSpec;
  readonly stream: boolean;
  readonly flavor: OpenaiFlavor;
};

export type DecodeContext = {
  readonly emit: Emit;
  /** The caller set stop sequences: an answer may end before its first token. */
  readonly mayBeEmpty: boolean;
  readonly redaction: Redaction;
};

/** Decodes one streamed answer. Total: whatever arrives, it never throws. */
export type StreamDecoder = {
  /** Takes one event. Returns how the answer ended, `undefined` while it goes on. */
  take(name: string, data: string): Outcome | undefined;
  /** Nothing follows: success if the answer is complete without its end mark, else `network`. */
  end(): Outcome;
};

/** One wire format. Holds no state. */
export type DialectAdapter = {
  /** Appended to the path of a connection's base URL. */
  readonly path: string;
  /** Header of the API key, when the connection does not choose another. */
  readonly auth: "bearer" | "x-api-key";
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text. Leaves out what the endpoint's parameters lack. Throws `UnencodableRequest`. */
  encodeRequest(input: EncodeInput): string;
  createStreamDecoder(context: DecodeContext): StreamDecoder;
  /** Tells an answer that came whole in the events of a stream. Total, as the stream decoder is. */
  decodeResponse(body: unknown, context: DecodeContext): Outcome;
};
