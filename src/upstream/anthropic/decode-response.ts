import type { Outcome } from "../../domain/outcome.ts";
import { classifyErrorInBody } from "../classify-response.ts";
import type { DecodeContext } from "../dialect-adapter.ts";
import { isRecord } from "../json.ts";
import { closeBlock, openBlock } from "./content-block.ts";
import {
  beginMessage,
  createMessageState,
  finishMessage,
  MAX_BLOCKS,
  malformed,
  stopMessage,
  tellUsage,
} from "./decode-event.ts";

/** An answer that came whole. Its blocks are opened with all of their content. */
export function decodeResponse(body: unknown, context: DecodeContext): Outcome {
  if (!isRecord(body)) {
    return malformed("The endpoint's answer is not an object.");
  }
  if (body["type"] === "error" || isRecord(body["error"])) {
    return classifyErrorInBody(body);
  }
  const content = body["content"];
  if (!Array.isArray(content) || content.length > MAX_BLOCKS) {
    return malformed("The endpoint's answer has no list of content.");
  }
  const state = createMessageState(context);
  beginMessage(state, body);
  tellUsage(state);
  for (const [index, block] of content.entries()) {
    openBlock(state.blocks, index, block);
    closeBlock(state.blocks, index);
  }
  stopMessage(state, body);
  return finishMessage(state, "malformed-response");
}
