import type { TokenLogprob } from "../../domain/stream-event.ts";
import { isRecord } from "../json.ts";

type TokenFields = {
  readonly token?: unknown;
  readonly logprob?: unknown;
  readonly bytes?: unknown;
  readonly top_logprobs?: unknown;
};

/** The `logprobs` member of a choice; `undefined` when it holds no tokens. */
export function decodeLogprobs(value: unknown): readonly TokenLogprob[] | undefined {
  const content = isRecord(value) ? value["content"] : undefined;
  if (!Array.isArray(content) || content.length === 0) {
    return undefined;
  }
  const tokens = content.flatMap((item: unknown) => {
    const token = decodeToken(item);
    return token === undefined ? [] : [{ ...token, alternatives: alternativesOf(item) }];
  });
  return tokens.length === 0 ? undefined : tokens;
}

function alternativesOf(item: unknown): readonly Omit<TokenLogprob, "alternatives">[] {
  const alternatives = fieldsOf(item)?.top_logprobs;
  return Array.isArray(alternatives)
    ? alternatives.flatMap((alternative: unknown) => decodeToken(alternative) ?? [])
    : [];
}

function decodeToken(item: unknown): Omit<TokenLogprob, "alternatives"> | undefined {
  const fields = fieldsOf(item);
  if (typeof fields?.token !== "string" || typeof fields.logprob !== "number") {
    return undefined;
  }
  // Rounding makes some engines send a hair above 0.
  return {
    token: fields.token,
    logprob: Math.min(0, fields.logprob),
    utf8: bytesOf(fields.bytes),
  };
}

function bytesOf(value: unknown): Uint8Array | undefined {
  const isBytes =
    Array.isArray(value) &&
    value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  return isBytes ? Uint8Array.from(value) : undefined;
}

/** Every field stays unknown, so the cast claims nothing. */
function fieldsOf(item: unknown): TokenFields | undefined {
  return isRecord(item) ? (item as TokenFields) : undefined;
}
