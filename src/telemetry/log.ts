import pino from "pino";
import type { Log } from "../domain/ports.ts";

export type LogLevel = Parameters<Log>[0];

export type LogOptions = {
  readonly level: LogLevel;
  /** Takes whole lines, each with its line break. */
  readonly write: (line: string) => void;
  /** Values that no line may hold, whichever field or message they turn up in. */
  readonly secrets: () => readonly string[];
};

/** Shorter values would mask ordinary words. */
const SHORTEST_SECRET = 6;

/**
 * Log lines as JSON, one object a line.
 *
 * Secrets are masked in the finished line, not field by field: a key in an error's text, in a cause or
 * in a URL is still the same run of characters, and whatever a caller logs passes through here.
 */
export function createLog({ level, write, secrets }: LogOptions): Log {
  const mask = (line: string) =>
    secrets()
      .filter((secret) => secret.length >= SHORTEST_SECRET)
      .reduce((masked, secret) => masked.replaceAll(secret, "[secret]"), line);
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
