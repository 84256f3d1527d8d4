import type { DialectAdapter } from "../dialect-adapter.ts";
import { createStreamDecoder } from "./decode-event.ts";
import { decodeResponse } from "./decode-response.ts";
import { encodeRequest } from "./encode-request.ts";

/** https://platform.openai.com/docs/api-reference/chat */
export const openaiChat: DialectAdapter = {
  path: "/chat/completions",
  auth: "bearer",
  headers: {},
  encodeRequest,
  createStreamDecoder,
  decodeResponse,
};
