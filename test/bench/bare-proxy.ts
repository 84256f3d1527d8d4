/**
 * The least that turns a gRPC completion into a provider's call and back, as fast as plain code on the
 * same libraries goes: grpc-js and the generated codecs in, undici out, the provider's JSON parsed. No
 * choice of endpoint, no checks, no deadline, no retry, nothing measured, nothing traced. What the
 * router costs beyond this is what routing costs.
 *
 * Run: node test/bench/bare-proxy.ts <origin of the provider>. Prints `listening <port>`.
 */
import { StringDecoder } from "node:string_decoder";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { type Dispatcher, Pool } from "undici";
import {
  ChoiceFinishedSchema,
  type CompleteRequest,
  CompleteRequestSchema,
  type CompleteResponse,
  CompleteResponseSchema,
  type CompletionSpec,
  type ContentDelta,
  ContentDeltaSchema,
  FinishReason,
  Role,
  type StreamCompleteRequest,
  StreamCompleteRequestSchema,
  type StreamCompleteResponse,
  StreamCompleteResponseSchema,
  StreamFinishedSchema,
} from "../../gen/atlas/v1/completion_pb.ts";
import { UsageSource } from "../../gen/atlas/v1/types_pb.ts";

const roles: Readonly<Record<number, string>> = {
  [Role.SYSTEM]: "system",
  [Role.DEVELOPER]: "developer",
  [Role.USER]: "user",
  [Role.ASSISTANT]: "assistant",
};

type WireUsage = { readonly prompt_tokens: number; readonly completion_tokens: number };
type WireCompletion = {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly message: { readonly content: string };
    readonly finish_reason: string;
  }[];
  readonly usage: WireUsage;
};
type WireChunk = {
  readonly id: string;
  readonly model: string;
  readonly choices: readonly {
    readonly index: number;
    readonly delta: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage: WireUsage | null;
};

const pool = new Pool(process.argv[2] ?? "", { headersTimeout: 0, bodyTimeout: 0 });
const path = "/v1/chat/completions";
const headers = { "content-type": "application/json", authorization: "Bearer bench" };

function bodyOf(spec: CompletionSpec | undefined, stream: boolean): string {
  return JSON.stringify({
    model: spec?.model,
    messages: spec?.messages.map(({ role, parts }) => ({
      role: roles[role],
      content: parts.map(({ part }) => (part.case === "text" ? part.value : "")).join(""),
    })),
    temperature: spec?.sampling?.temperature,
    max_tokens: spec?.sampling?.maxOutputTokens,
    ...(stream ? { stream: true, stream_options: { include_usage: true } } : {}),
  });
}

function usageOf(usage: WireUsage) {
  return {
    freshInputTokens: BigInt(usage.prompt_tokens),
    visibleOutputTokens: BigInt(usage.completion_tokens),
    source: UsageSource.PROVIDER,
  };
}

const finishReasonOf = (word: string) => (word === "stop" ? FinishReason.STOP : FinishReason.OTHER);

function responseOf({ id, model, choices, usage }: WireCompletion): CompleteResponse {
  return create(CompleteResponseSchema, {
    id,
    upstreamModel: model,
    choices: choices.map(({ index, message, finish_reason }) => ({
      index,
      finishReason: finishReasonOf(finish_reason),
      rawFinishReason: finish_reason,
      message: {
        role: Role.ASSISTANT,
        parts: [{ part: { case: "text" as const, value: message.content } }],
      },
    })),
    usage: usageOf(usage),
  });
}

const complete: handleUnaryCall<CompleteRequest, CompleteResponse> = (call, callback) => {
  const chunks: Buffer[] = [];
  let statusCode = 0;
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: () => undefined,
    onResponseStart: (_, code) => {
      statusCode = code;
    },
    onResponseData: (_, chunk) => {
      chunks.push(chunk);
    },
    onResponseEnd: () => {
      if (statusCode !== 200) {
        callback({ code: status.UNAVAILABLE, details: `status ${statusCode}` });
        return;
      }
      const text = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString();
      callback(null, responseOf(JSON.parse(text)));
    },
    onResponseError: (_, error) => callback({ code: status.UNAVAILABLE, details: error.message }),
  };
  pool.dispatch({ path, method: "POST", headers, body: bodyOf(call.request.spec, false) }, handler);
};

/** Cuts the events out of the bytes. Providers end each with one blank line, and none is CRLF here. */
function createEventReader(onData: (data: string) => void) {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  return (chunk: Buffer) => {
    const text = rest + decoder.write(chunk);
    let start = 0;
    let end = text.indexOf("\n\n");
    while (end !== -1) {
      onData(text.slice(start + "data: ".length, end));
      start = end + 2;
      end = text.indexOf("\n\n", start);
    }
    rest = start === text.length ? "" : text.slice(start);
  };
}

/** Fields set one by one: initializers cost a third more, and this runs once a token. */
function contentDeltaOf(choiceIndex: number, text: string): ContentDelta {
  const delta = create(ContentDeltaSchema);
  delta.choiceIndex = choiceIndex;
  delta.delta = { case: "text", value: text };
  return delta;
}

type StreamCall = ServerWritableStream<StreamCompleteRequest, StreamCompleteResponse>;

function createChunkWriter(call: StreamCall) {
  let sequence = 0n;
  const send = (event: StreamCompleteResponse["event"]) => {
    const message = create(StreamCompleteResponseSchema);
    message.sequence = sequence;
    message.event = event;
    call.write(message);
    sequence += 1n;
  };
  return (data: string) => {
    if (data === "[DONE]") {
      return;
    }
    const { choices, usage, model }: WireChunk = JSON.parse(data);
    for (const { index, delta, finish_reason } of choices) {
      if (delta.content) {
        send({ case: "content", value: contentDeltaOf(index, delta.content) });
      }
      if (finish_reason !== null) {
        const finishReason = finishReasonOf(finish_reason);
        const value = { choiceIndex: index, finishReason, rawFinishReason: finish_reason };
        send({ case: "choiceFinished", value: create(ChoiceFinishedSchema, value) });
      }
    }
    if (usage !== null) {
      const value = { usage: usageOf(usage), upstreamModel: model };
      send({ case: "finished", value: create(StreamFinishedSchema, value) });
    }
  };
}

const streamComplete: handleServerStreamingCall<StreamCompleteRequest, StreamCompleteResponse> = (
  call,
) => {
  const read = createEventReader(createChunkWriter(call));
  let ended = false;
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: (controller) => {
      // grpc-js says "cancelled" after every end, a good one included.
      call.once("cancelled", () => ended || controller.abort(new Error("the caller left")));
    },
    onResponseStart: () => undefined,
    onResponseData: (_, chunk) => read(chunk),
    onResponseEnd: () => {
      ended = true;
      call.end();
    },
    onResponseError: (_, error) =>
      call.destroy(Object.assign(error, { code: status.UNAVAILABLE, details: error.message })),
  };
  pool.dispatch({ path, method: "POST", headers, body: bodyOf(call.request.spec, true) }, handler);
};

const toBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) =>
  Buffer.from(buffer, byteOffset, byteLength);

const server = new Server({ "grpc-node.max_session_memory": Number.MAX_SAFE_INTEGER });
server.addService(
  {
    complete: {
      path: "/atlas.v1.RouterService/Complete",
      requestStream: false,
      responseStream: false,
      requestDeserialize: (bytes: Buffer) => fromBinary(CompleteRequestSchema, bytes),
      requestSerialize: (message) => toBuffer(toBinary(CompleteRequestSchema, message)),
      responseDeserialize: (bytes) => fromBinary(CompleteResponseSchema, bytes),
      responseSerialize: (message: CompleteResponse) =>
        toBuffer(toBinary(CompleteResponseSchema, message)),
    },
    streamComplete: {
      path: "/atlas.v1.RouterService/StreamComplete",
      requestStream: false,
      responseStream: true,
      requestDeserialize: (bytes: Buffer) => fromBinary(StreamCompleteRequestSchema, bytes),
      requestSerialize: (message) => toBuffer(toBinary(StreamCompleteRequestSchema, message)),
      responseDeserialize: (bytes) => fromBinary(StreamCompleteResponseSchema, bytes),
      responseSerialize: (message: StreamCompleteResponse) =>
        toBuffer(toBinary(StreamCompleteResponseSchema, message)),
    },
  },
  { complete, streamComplete },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) {
    throw error;
  }
  process.stdout.write(`listening ${port}\n`);
});
