import type { Log } from "../domain/ports.ts";
import { printableLine } from "./printable-text.ts";

/** Tells a person of warnings and errors, in a line each: what is wrong, where, and why. */
export function createTailLog(write: (text: string) => void): Log {
  return (level, message, fields = {}) => {
    if (level === "warn" || level === "error") {
      const { servers, stream, problem, error } = fields;
      const where = wordsOf(servers ?? stream);
      const why = wordsOf(problem ?? error);
      const line = `${message}${where && ` (${where})`}${why && `: ${why}`}`;
      write(`${level === "warn" ? "warning" : "error"}: ${printableLine(line)}\n`);
    }
  };
}

function wordsOf(value: unknown): string {
  if (value === undefined) {
    return "";
  }
  return Array.isArray(value) ? value.join(", ") : String(value);
}
