import { create, toBinary } from "@bufbuild/protobuf";
import {
  CompleteRequestSchema,
  type CompletionSpec,
  CompletionSpecSchema,
  Role,
  StreamCompleteRequestSchema,
} from "../../gen/atlas/v1/completion_pb.ts";

const INSTRUCTIONS =
  "You answer customers of an online shop. Be brief and friendly, never promise a date of delivery, " +
  "and hand over to a person as soon as a refund of more than 50 euros is asked for.";
const QUESTION =
  "Hello, I ordered a pair of running shoes two weeks ago and the parcel service says that the parcel " +
  "has been delivered, but nobody here has seen it. Can you find out where it is, and send it again?";

/** Tells calls that are to be streamed how their deltas are joined. */
export type Coalescing = "default" | "never";

/** `promptBytes` is the least size of the prompt; 0 leaves it at about 100 tokens. */
function specOf(model: string, promptBytes: number): CompletionSpec {
  const repeats = Math.max(1, Math.ceil(promptBytes / QUESTION.length));
  const question = Array.from({ length: repeats }, () => QUESTION).join(" ");
  return create(CompletionSpecSchema, {
    model,
    messages: [
      { role: Role.SYSTEM, parts: [{ part: { case: "text", value: INSTRUCTIONS } }] },
      { role: Role.USER, parts: [{ part: { case: "text", value: question } }] },
    ],
    sampling: { temperature: 0.7, maxOutputTokens: 256 },
  });
}

export function unaryBody(model: string, promptBytes = 0): Buffer {
  const request = create(CompleteRequestSchema, { spec: specOf(model, promptBytes) });
  return frame(toBinary(CompleteRequestSchema, request));
}

export function streamBody(model: string, coalescing: Coalescing = "default"): Buffer {
  const request = create(StreamCompleteRequestSchema, {
    spec: specOf(model, 0),
    ...(coalescing === "never" ? { options: { coalesceWindow: { seconds: 0n, nanos: 0 } } } : {}),
  });
  return frame(toBinary(StreamCompleteRequestSchema, request));
}

/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: no compression, length, message. */
function frame(message: Uint8Array): Buffer {
  const framed = Buffer.alloc(5 + message.length);
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, 5);
  return framed;
}
