import { z } from "zod";

/** Fields that catalogue files and the configuration spell alike. */

/** A whole number within bounds that every message about it names. */
export function wholeNumber(least: number, most: number) {
  const wanted = `must be a whole number from ${least} to ${most}`;
  return z
    .int({ error: unlessMissing(wanted) })
    .min(least, wanted)
    .max(most, wanted);
}

/** A number within bounds that every message about it names. */
export function decimalNumber(least: number, most: number) {
  const wanted = `must be a number from ${least} to ${most}`;
  return z
    .number({ error: unlessMissing(wanted) })
    .min(least, wanted)
    .max(most, wanted);
}

/** A value that is not there is told of by what surrounds it. */
function unlessMissing(wanted: string) {
  return ({ input }: { readonly input?: unknown }): string | undefined => {
    if (input === undefined) {
      return undefined;
    }
    return isQuotedNumber(input) ? `${wanted}, without quotes` : wanted;
  };
}

function isQuotedNumber(input: unknown): boolean {
  return typeof input === "string" && input.trim() !== "" && Number.isFinite(Number(input));
}

export const slug = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]*$/, "must be lower-case letters, digits and hyphens, like vllm-eu");

/**
 * Address of an API: http or https, without slashes at the end. A user name or password in it would go
 * nowhere, since requests carry their key in a header.
 */
export const baseUrl = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL" })
  .refine(
    (url) => !holdsCredentials(url),
    "must not hold a user name or password; give a key or a header instead",
  )
  .transform((url) => url.replace(/\/+$/, ""));

function holdsCredentials(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.username !== "" || url.password !== "");
}
