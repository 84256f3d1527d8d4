import type { MessageInitShape } from "@bufbuild/protobuf";
import { type CompletionSpecSchema, Role } from "../../gen/atlas/v1/completion_pb.ts";

/** "hi" to `acme/one`, as a client writes it. */
export function wireSpec(
  changes: MessageInitShape<typeof CompletionSpecSchema> = {},
): MessageInitShape<typeof CompletionSpecSchema> {
  return {
    model: "acme/one",
    messages: [{ role: Role.USER, parts: [{ part: { case: "text", value: "hi" } }] }],
    ...changes,
  };
}
