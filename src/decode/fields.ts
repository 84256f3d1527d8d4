import { z } from "zod";

/** Fields that catalogue files and the configuration spell alike. */

export const slug = z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "must be a lower-case slug");

/** Address of an API: http or https, without slashes at the end. */
export const baseUrl = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL" })
  .transform((url) => url.replace(/\/+$/, ""));
