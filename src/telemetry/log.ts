import pino from "pino";
import type { Log } from "../domain/ports.ts";

export type LogLevel = Parameters<Log>[0];

export type LogOptions = {
  readonly level: LogLevel;
  /** Takes whole lines, each with its line break. */
  readonly write: (line: string) => void;
  /**
   * Values that no line may hold, whichever field or message they turn up in. Hand out the same array
   * for as long as nothing changes: what is derived from it is kept.
   */
  readonly secrets: () => readonly string[];
};

/** Shorter values would mask ordinary words. */
const SHORTEST_SECRET = 6;

/**
 * Log lines as JSON, one object a line.
 *
 * Secrets are masked in the finished line, not field by field: a key in an error's text, in a cause or
 * in a URL is still the same run of characters, and whatever a caller logs passes through here. A line
 * is JSON, and may quote JSON, so that a secret with a quotation mark is masked in those spellings too.
 */
export function createLog({ level, write, secrets }: LogOptions): Log {
  let masked: readonly string[] | undefined;
  let pattern: RegExp | undefined;
  function mask(line: string): string {
    const current = secrets();
    if (current !== masked) {
      masked = current;
      pattern = patternOf(spellingsOf(current));
    }
    return pattern === undefined ? line : line.replace(pattern, "[secret]");
  }
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // Either name may hold what was thrown; without a serializer an Error is written as {}.
      serializers: { cause: pino.stdSerializers.err, error: pino.stdSerializers.err },
    },
    { write: (line: string) => write(mask(line)) },
  );
  return (severity, message, fields = {}) => logger[severity](fields, message);
}

/** As they are, inside JSON, and inside JSON inside JSON; the longest first, so that no rest is left. */
function spellingsOf(secrets: readonly string[]): readonly string[] {
  const spellings = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, escaped(secret), escaped(escaped(secret))]);
  return [...new Set(spellings)].sort((left, right) => right.length - left.length);
}

/** All at once: a hundred secrets take no longer than one, while a search for each adds up. */
function patternOf(spellings: readonly string[]): RegExp | undefined {
  const literals = spellings.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return literals.length === 0 ? undefined : new RegExp(literals.join("|"), "g");
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
