import { createHash } from "node:crypto";
import { RouterError } from "../domain/router-error.ts";

/**
 * Where a list goes on, as opaque URL-safe text: the id that the page before ended with, bound to the
 * query it was asked with. It names an id and no position, so that models which come or go between
 * two pages neither repeat nor hide others. https://google.aip.dev/158
 */
export function encodePageToken(query: string, lastId: string): string {
  return Buffer.from(JSON.stringify([fingerprint(query), lastId])).toString("base64url");
}

/** The id after which to go on; empty for the first page. Throws when the token is not of this query. */
export function decodePageToken(token: string, query: string): string {
  if (token === "") {
    return "";
  }
  const [of, lastId] = parse(token);
  if (of !== fingerprint(query) || typeof lastId !== "string") {
    throw new RouterError("invalid-request", "page_token is not of this query", {
      violations: [
        {
          field: "page_token",
          description: "must be the next_page_token of a page with this query",
        },
      ],
    });
  }
  return lastId;
}

function parse(token: string): readonly unknown[] {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

function fingerprint(query: string): string {
  return createHash("sha256").update(query).digest("base64url").slice(0, 11);
}
