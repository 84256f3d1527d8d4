/**
 * An OpenAI-wire provider that costs next to nothing, so that it is never what a bench measures.
 *
 * Answers are bytes prepared before the first call, written to plain sockets: `node:http` would spend
 * more on one answer than the proxies under test spend on theirs. It takes what the proxies send and no
 * more: HTTP/1.1, kept alive, one call at a time on a connection, bodies with a length.
 *
 * The model's name chooses the answer; anything up to its last slash is ignored.
 *   <any name>              without "stream": 100 tokens at once
 *   stream-<chunks>-<ms>    with "stream": that many content chunks, each a write of its own every so
 *                           many milliseconds; 0 ms writes the whole answer at once
 *   idle                    with "stream": one content chunk, and then nothing until the peer hangs up
 *
 * Run: node test/bench/fake-upstream.ts. Prints `listening <port>`.
 */
import { createServer, type Socket } from "node:net";
import { answerText, tokensOf } from "./answer-text.ts";

type StreamedAnswer = {
  /** Headers, the chunk that names the role, and the first content. */
  readonly head: Buffer;
  readonly chunks: readonly Buffer[];
  readonly tail: Buffer;
  readonly intervalMs: number;
};

const HEAD_END = Buffer.from("\r\n\r\n");
const MODEL_KEY = Buffer.from('"model":"');
const STREAM_KEY = Buffer.from('"stream":true');
const QUOTE = 0x22;
const BACKLOG = 4_096;
const UNARY_TOKENS = 100;
const DEFAULT_STREAM = "stream-100-0";
const CREATED_SECONDS = 1_800_000_000;

const head = {
  id: "chatcmpl-BenchBenchBenchBenchBenchBench",
  created: CREATED_SECONDS,
  model: "bench-2026-11-01",
  service_tier: "default",
  system_fingerprint: "fp_bench",
};

const unaryAnswer = buildUnary();
const streamedAnswers = new Map<string, StreamedAnswer>();

function usageOf(completionTokens: number) {
  return {
    prompt_tokens: 120,
    completion_tokens: completionTokens,
    total_tokens: 120 + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function buildUnary(): Buffer {
  const body = JSON.stringify({
    ...head,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: answerText(UNARY_TOKENS), refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: usageOf(UNARY_TOKENS),
  });
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_bench\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function eventOf(choices: readonly unknown[], usage: unknown = null): string {
  const data = { ...head, object: "chat.completion.chunk", choices, usage };
  return frameOf(JSON.stringify(data));
}

/** One server-sent event as one chunk of the transfer. */
function frameOf(data: string): string {
  const event = `data: ${data}\n\n`;
  return `${Buffer.byteLength(event).toString(16)}\r\n${event}\r\n`;
}

function deltaOf(delta: unknown, finishReason: string | null = null): string {
  return eventOf([{ index: 0, delta, logprobs: null, finish_reason: finishReason }]);
}

function buildStreamed(chunks: number, intervalMs: number): StreamedAnswer {
  const [first = "", ...rest] = tokensOf(chunks).map((content) => deltaOf({ content }));
  const head = `HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\nx-request-id: req_bench\r\ntransfer-encoding: chunked\r\n\r\n${deltaOf({ role: "assistant", content: "", refusal: null })}${first}`;
  const tail = `${deltaOf({}, "stop")}${eventOf([], usageOf(chunks))}${frameOf("[DONE]")}0\r\n\r\n`;
  return {
    head: Buffer.from(intervalMs === 0 ? `${head}${rest.join("")}${tail}` : head),
    chunks: intervalMs === 0 ? [] : rest.map((chunk) => Buffer.from(chunk)),
    tail: Buffer.from(tail),
    intervalMs,
  };
}

function streamedAnswer(model: string): StreamedAnswer {
  let answer = streamedAnswers.get(model);
  if (answer === undefined) {
    const [, chunks, intervalMs] = /^stream-(\d+)-(\d+)$/.exec(model) ?? [];
    answer =
      chunks === undefined
        ? streamedAnswer(DEFAULT_STREAM)
        : buildStreamed(Number(chunks), Number(intervalMs));
    streamedAnswers.set(model, answer);
  }
  return answer;
}

type Paced = { readonly socket: Socket; readonly answer: StreamedAnswer; sent: number };

/**
 * One timer moves all paced streams. A slot holds the streams that are due at the same millisecond of
 * their interval, so that writes spread over it as those of independent callers do.
 */
const slots = new Map<number, Set<Paced>[]>();
let tick = 0;

function pace(socket: Socket, answer: StreamedAnswer): void {
  const { intervalMs } = answer;
  const ring = slots.get(intervalMs) ?? Array.from({ length: intervalMs }, () => new Set<Paced>());
  slots.set(intervalMs, ring);
  ring[tick % intervalMs]?.add({ socket, answer, sent: 0 });
}

function advance(): void {
  tick += 1;
  for (const [intervalMs, ring] of slots) {
    const due = ring[tick % intervalMs] ?? new Set();
    for (const paced of due) {
      if (!writeNext(paced)) {
        due.delete(paced);
      }
    }
  }
}

/** False: that was the last write. */
function writeNext(paced: Paced): boolean {
  const { socket, answer } = paced;
  if (socket.destroyed) {
    return false;
  }
  const chunk = answer.chunks[paced.sent];
  paced.sent += 1;
  socket.write(chunk ?? answer.tail);
  return chunk !== undefined;
}

/** Whole milliseconds since the start; timers that come late are caught up, so that the rate holds. */
const startedAtMs = performance.now();
setInterval(() => {
  const dueTick = Math.floor(performance.now() - startedAtMs);
  while (tick < dueTick) {
    advance();
  }
}, 1);

function respond(socket: Socket, request: Buffer, bodyStart: number): void {
  if (request.indexOf(STREAM_KEY, bodyStart) === -1) {
    socket.write(unaryAnswer);
    return;
  }
  const model = modelOf(request, bodyStart);
  const answer = streamedAnswer(model === "idle" ? "stream-2-1" : model);
  socket.write(answer.head);
  if (answer.intervalMs > 0 && model !== "idle") {
    pace(socket, answer);
  }
}

function modelOf(request: Buffer, bodyStart: number): string {
  const start = request.indexOf(MODEL_KEY, bodyStart) + MODEL_KEY.length;
  const name = request.toString("latin1", start, request.indexOf(QUOTE, start));
  return name.slice(name.lastIndexOf("/") + 1);
}

/** Where the body begins and ends; absent while the head is incomplete. */
function measure(request: Buffer): { bodyStart: number; end: number } | undefined {
  const headEnd = request.indexOf(HEAD_END);
  if (headEnd === -1) {
    return undefined;
  }
  const bodyStart = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(request.toString("latin1", 0, headEnd))?.[1];
  if (length === undefined) {
    throw new Error("the fake upstream takes no request without content-length");
  }
  return { bodyStart, end: bodyStart + Number(length) };
}

const server = createServer({ noDelay: true }, (socket) => {
  let pending: Buffer | undefined;
  socket.on("data", (chunk) => {
    const request = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    const measured = measure(request);
    if (measured === undefined || request.length < measured.end) {
      pending = request;
      return;
    }
    pending = undefined;
    respond(socket, request, measured.bodyStart);
  });
  socket.on("error", () => socket.destroy());
});
server.listen({ host: "127.0.0.1", port: 0, backlog: BACKLOG }, () => {
  const address = server.address();
  process.stdout.write(`listening ${typeof address === "object" ? address?.port : ""}\n`);
});
