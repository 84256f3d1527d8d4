import type { DialectAdapter } from "../dialect-adapter.ts";
import { createStreamDecoder } from "./decode-event.ts";
import { decodeResponse } from "./decode-response.ts";
import { encodeRequest } from "./encode-request.ts";

/** https://docs.anthropic.com/en/api/messages */
export const anthropicMessages: DialectAdapter = {
  path: "/messages",
  auth: "x-api-key",
  headers: { "anthropic-version": "2023-06-01" },
  encodeRequest,
  createStreamDecoder,
  decodeResponse,
};
