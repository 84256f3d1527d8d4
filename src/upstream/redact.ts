/**
 * Text of a provider that may be shown. Providers echo keys, URLs and whole requests in their errors.
 *
 * Masking comes before cutting to length: a key across the cut would otherwise survive in part.
 */

const MASK = "[redacted]";
/** Shorter values are words and not secrets. */
const MIN_SECRET_LENGTH = 6;
/** What a caller needs of an error message fits well into it. */
const MAX_MESSAGE_LENGTH = 500;
/** Bounds the work of the patterns on hostile text. */
const MAX_SCANNED_LENGTH = 10_000;

const SECRET_HEADER = /key|token|auth|secret|cookie|signature|password/i;

/** Keys by the prefixes of their vendors, and whatever stands where a key would. */
const LOOKS_SECRET: readonly RegExp[] = [
  /\bsk[-_][A-Za-z0-9_*.-]{6,}/g,
  /\b(?:gsk|hf|ghp|gho|pk|rk)_[A-Za-z0-9_*]{10,}/g,
  /\b(?:xai|nvapi)-[A-Za-z0-9_*-]{16,}/g,
  /\bAIza[A-Za-z0-9_-]{10,}/g,
  /\bAKIA[A-Z0-9]{12,}/g,
  /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+/g,
  /\b(?:Bearer|Basic)\s+[^\s"',;]+/gi,
  /\b(?:x-)?(?:api[-_ ]?key|access[-_ ]?token|authorization|secret)\b["']?\s*[:=]\s*["']?[^\s"',;]+/gi,
];
const URL_QUERY = /\b(https?:\/\/[^\s?"'<>]+)\?[^\s"'<>]*/gi;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes.
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/** One connection's border for text: it knows what must not pass. */
export type Redaction = {
  /** Masks secrets and whatever looks like one, drops URL queries and control characters, cuts to 500. */
  message(text: string): string;
  /** A name of a model or request, absent when it is none, overlong, unprintable or holds a secret. */
  name(value: unknown): string | undefined;
};

const PRINTABLE = /^[\x20-\x7e]{1,200}$/;

/** Values that must not leave in any form a provider may echo them in. */
export function secretsOf(
  apiKey: string | undefined,
  headers: Readonly<Record<string, string>>,
): readonly string[] {
  const values = Object.entries(headers)
    .filter(([name]) => SECRET_HEADER.test(name))
    .flatMap(([, value]) => [value, value.replace(/^\S+\s+/, "")]);
  const secrets = [apiKey ?? "", ...values].filter(({ length }) => length >= MIN_SECRET_LENGTH);
  const forms = secrets.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString("base64"),
  ]);
  // Longest first, so that no secret is left behind a masked part of it.
  return [...new Set(forms)].sort((a, b) => b.length - a.length);
}

export function createRedaction(secrets: readonly string[]): Redaction {
  return {
    message(text) {
      return messageOf(text, secrets);
    },
    name(value) {
      const isName = typeof value === "string" && PRINTABLE.test(value);
      return isName && !secrets.some((secret) => value.includes(secret)) ? value : undefined;
    },
  };
}

function messageOf(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) {
    shown = shown.replaceAll(secret, MASK);
  }
  shown = shown
    .slice(0, MAX_SCANNED_LENGTH)
    .replace(CONTROL_CHARACTERS, " ")
    .replace(URL_QUERY, "$1");
  for (const pattern of LOOKS_SECRET) {
    shown = shown.replace(pattern, MASK);
  }
  return cut(shown.trim(), MAX_MESSAGE_LENGTH);
}

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - 1)}…`;
}
