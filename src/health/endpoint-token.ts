import { hash } from "node:crypto";
import type { HealthReport } from "../domain/health.ts";

/** Key of the entry that tells readers whether they missed a table. */
export const VERSION_KEY = "version";

/** Token of reports that only let time pass. No endpoint has it: theirs never begin with `_`. */
export const TICK_TOKEN = "_tick";

const MAX_TOKEN = 128;
const HASH_DIGITS = 16;
const MAX_PREFIX = MAX_TOKEN - HASH_DIGITS - 1;

const plainToken = /^[A-Za-z0-9-][\w-]{0,127}$/;
const hashedToken = /(?:^|-)[0-9a-f]{16}$/;

/**
 * A name for an id that buses, subjects and keys can hold: `[A-Za-z0-9_-]{1,128}`, not beginning
 * with `_`.
 *
 * An id of that form is its own token. Any other becomes what is left of it, for people, and 16 digits
 * of its SHA-256, which tell it from those that look alike. So does an id that already ends as such
 * tokens do, so that nobody can choose an id that is the token of another.
 */
export function tokenOf(id: string): string {
  if (plainToken.test(id) && !hashedToken.test(id)) {
    return id;
  }
  const prefix = id
    .slice(0, MAX_PREFIX)
    .replaceAll(/[^\w-]/g, "-")
    .replace(/^_+/, "");
  const digits = hash("sha256", id).slice(0, HASH_DIGITS);
  return prefix === "" ? digits : `${prefix}-${digits}`;
}

/** Key of a model's scores. */
export function scoreKeyOf(model: string): string {
  return `scores.${tokenOf(model)}`;
}

/** Whether a report may be told under a token: that of the endpoint it names, or of ticks for a tick. */
export type TokenCheck = (
  token: string,
  report: Pick<HealthReport, "endpoint" | "signal">,
) => boolean;

/** More endpoints than a fold knows. */
const MAX_REMEMBERED = 32_768;

/** Remembers tokens that were right, since most endpoints are told of every second. */
export function createTokenCheck(): TokenCheck {
  const known = new Map<string, string>();
  return (token, { endpoint, signal }) => {
    if (signal.kind === "tick") {
      return token === TICK_TOKEN;
    }
    if (known.get(endpoint) === token) {
      return true;
    }
    const isRight = tokenOf(endpoint) === token;
    if (isRight) {
      if (known.size >= MAX_REMEMBERED) {
        known.clear();
      }
      known.set(endpoint, token);
    }
    return isRight;
  };
}
