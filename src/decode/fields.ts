import { z } from "zod";

/** Fields that catalogue files and the configuration spell alike. */

export const slug = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "must be a lower-case slug");

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
