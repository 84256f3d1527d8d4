/** Single calls that are decoded and checked to the last character, beside the load that is only counted. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  CompleteResponseSchema,
  StreamCompleteResponseSchema,
} from "../../gen/atlas/v1/completion_pb.ts";
import { answerText } from "./answer-text.ts";
import {
  callGrpc,
  connectGrpc,
  createMessageReader,
  type GrpcCall,
  STREAM_PATH,
  UNARY_PATH,
} from "./grpc-client.ts";
import { type Coalescing, streamBody, unaryBody } from "./request-bodies.ts";

const TOKENS = 100;

export type Sample = {
  /** Of all messages, their frames included. */
  readonly dataBytes: number;
  /** Messages that carried content. */
  readonly contentMessages: number;
};

/** Rejects unless the call ends with status 0 and the whole answer. */
export async function sampleUnary(address: string, model: string): Promise<Sample> {
  const messages: Buffer[] = [];
  const dataBytes = await run(address, {
    path: UNARY_PATH,
    body: unaryBody(model),
    onData: createMessageReader((message) => messages.push(message)),
  });
  const [message = Buffer.alloc(0)] = messages;
  const { choices } = fromBinary(CompleteResponseSchema, message);
  const part = choices[0]?.message?.parts[0]?.part;
  assertText(part?.case === "text" ? part.value : "");
  return { dataBytes, contentMessages: 1 };
}

/** Rejects unless the stream ends with status 0 and the whole answer. */
export async function sampleStream(
  address: string,
  model: string,
  coalescing: Coalescing,
): Promise<Sample> {
  const texts: string[] = [];
  const dataBytes = await run(address, {
    path: STREAM_PATH,
    body: streamBody(model, coalescing),
    onData: createMessageReader((message) => {
      const { event } = fromBinary(StreamCompleteResponseSchema, message);
      if (event.case === "content" && event.value.delta.case === "text") {
        texts.push(event.value.delta.value);
      }
    }),
  });
  assertText(texts.join(""));
  return { dataBytes, contentMessages: texts.length };
}

async function run(address: string, call: GrpcCall): Promise<number> {
  const session = connectGrpc(address);
  try {
    const { grpcStatus, grpcMessage, dataBytes } = await callGrpc(session, call);
    if (grpcStatus !== 0) {
      throw new Error(`status ${grpcStatus}: ${grpcMessage}`);
    }
    return dataBytes;
  } finally {
    session.close();
  }
}

function assertText(text: string): void {
  if (text !== answerText(TOKENS)) {
    throw new Error(`not the whole answer: ${JSON.stringify(text.slice(0, 80))}`);
  }
}
