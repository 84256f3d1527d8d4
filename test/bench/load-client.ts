/**
 * Load that h2load does not make, in a process of its own: calls at a constant rate, streams that stay
 * open, and, where h2load is missing, as many calls as are answered.
 *
 * Run: node test/bench/load-client.ts <task as JSON>. Prints one line of JSON, or `open <count>`.
 */
import { readFileSync } from "node:fs";
import type { ClientHttp2Session } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { Pool } from "undici";
import { StreamCompleteResponseSchema } from "../../gen/atlas/v1/completion_pb.ts";
import {
  callGrpc,
  connectGrpc,
  createMessageReader,
  type GrpcCall,
  type GrpcResult,
} from "./grpc-client.ts";

type Task =
  | {
      readonly kind: "closed-loop";
      readonly address: string;
      readonly path: string;
      readonly bodyFile: string;
      readonly connections: number;
      readonly streamsPerConnection: number;
      readonly warmUpSeconds: number;
      readonly seconds: number;
    }
  | {
      readonly kind: "idle-streams";
      readonly address: string;
      readonly path: string;
      readonly bodyFile: string;
      readonly connections: number;
      readonly streamsPerConnection: number;
    }
  | OpenLoop;

/** Calls at a constant rate. */
export type OpenLoop = {
  readonly kind: "open-loop";
  /** Host and port; those of the provider itself when `protocol` is `openai`. */
  readonly address: string;
  readonly protocol: "grpc" | "openai";
  readonly path: string;
  readonly bodyFile: string;
  readonly connections: number;
  readonly callsPerSecond: number;
  readonly seconds: number;
  readonly streaming: boolean;
};

export type OpenLoopReport = {
  /** Milliseconds from the sending of a call to its answer, or to its first token. Ascending. */
  readonly latenciesMs: readonly number[];
  /** Milliseconds that calls were sent after their time. Ascending. */
  readonly latenessMs: readonly number[];
  readonly failed: number;
  /** Why the first of them failed; empty when none did. */
  readonly failure: string;
};

const OPEN_EVERY_MS = 2;

async function closedLoop(task: Extract<Task, { kind: "closed-loop" }>): Promise<unknown> {
  const call = { path: task.path, body: readFileSync(task.bodyFile) };
  const startMs = performance.now() + task.warmUpSeconds * 1_000;
  const endMs = startMs + task.seconds * 1_000;
  let answered = 0;
  let failed = 0;
  let dataBytes = 0;
  function count(result: GrpcResult): void {
    answered += result.grpcStatus === 0 ? 1 : 0;
    failed += result.grpcStatus === 0 ? 0 : 1;
    dataBytes += result.dataBytes;
  }
  async function worker(session: ClientHttp2Session): Promise<void> {
    while (performance.now() < endMs) {
      const result = await callGrpc(session, call);
      const nowMs = performance.now();
      if (nowMs >= startMs && nowMs < endMs) {
        count(result);
      }
    }
  }
  await Promise.all(
    connectAll(task).flatMap((session) =>
      Array.from({ length: task.streamsPerConnection }, () => worker(session)),
    ),
  );
  return { answered, failed, dataBytes, seconds: task.seconds };
}

function connectAll({ address, connections }: { address: string; connections: number }) {
  return Array.from({ length: connections }, () => connectGrpc(address));
}

/** Reads a stream's data and tells once of the first message with content. */
function onFirstContent(task: () => void): (chunk: Buffer) => void {
  let waits = true;
  return createMessageReader((message) => {
    if (waits && fromBinary(StreamCompleteResponseSchema, message).event.case === "content") {
      waits = false;
      task();
    }
  });
}

/** Says `open` when every stream has brought its first content, and stays until it is ended. */
async function idleStreams(task: Extract<Task, { kind: "idle-streams" }>): Promise<void> {
  const body = readFileSync(task.bodyFile);
  let opened = 0;
  const total = task.connections * task.streamsPerConnection;
  function open(session: ClientHttp2Session): void {
    const read = onFirstContent(() => {
      opened += 1;
      if (opened === total) {
        process.stdout.write(`open ${opened}\n`);
      }
    });
    void callGrpc(session, { path: task.path, body, onData: read }).then((result) => {
      process.stderr.write(`a stream ended: ${result.grpcStatus} ${result.grpcMessage}\n`);
      process.exit(1);
    });
  }
  for (const session of connectAll(task)) {
    for (let stream = 0; stream < task.streamsPerConnection; stream += 1) {
      open(session);
      // A thousand at once would wait for each other until the server gives up on some.
      await new Promise((resolve) => setTimeout(resolve, OPEN_EVERY_MS));
    }
  }
}

/** Resolves with milliseconds to the answer or to its first token; rejects when there is none. */
type TimedCall = () => Promise<number>;

function timedGrpcCall(task: OpenLoop): TimedCall {
  const sessions = connectAll(task);
  const body = readFileSync(task.bodyFile);
  let next = 0;
  return async () => {
    const session = sessions[next % sessions.length] ?? connectGrpc(task.address);
    next += 1;
    const sentAtMs = performance.now();
    let firstTokenAtMs = Number.NaN;
    const read = onFirstContent(() => {
      firstTokenAtMs = performance.now();
    });
    const call: GrpcCall = task.streaming
      ? { path: task.path, body, onData: read }
      : { path: task.path, body };
    const { grpcStatus, grpcMessage } = await callGrpc(session, call);
    if (grpcStatus !== 0) {
      throw new Error(`status ${grpcStatus}: ${grpcMessage}`);
    }
    return (task.streaming ? firstTokenAtMs : performance.now()) - sentAtMs;
  };
}

/** The provider itself, by the client that the proxies use. */
function timedOpenaiCall(task: OpenLoop): TimedCall {
  const pool = new Pool(`http://${task.address}`);
  const body = readFileSync(task.bodyFile);
  const headers = { "content-type": "application/json" };
  return () => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const sentAtMs = performance.now();
    let firstTokenAtMs: number | undefined;
    pool.dispatch(
      { path: task.path, method: "POST", headers, body },
      {
        onRequestStart: () => undefined,
        onResponseStart: () => undefined,
        // The fake provider sends the role and the first token in one write.
        onResponseData: () => {
          firstTokenAtMs ??= performance.now();
        },
        onResponseEnd: () =>
          resolve((task.streaming ? (firstTokenAtMs ?? Number.NaN) : performance.now()) - sentAtMs),
        onResponseError: (_, error) => reject(error),
      },
    );
    return promise;
  };
}

/** Nothing waits for an answer, so that a slow server is not asked less often. */
async function openLoop(task: OpenLoop): Promise<OpenLoopReport> {
  const call = task.protocol === "grpc" ? timedGrpcCall(task) : timedOpenaiCall(task);
  const total = task.callsPerSecond * task.seconds;
  const latenciesMs: number[] = [];
  const latenessMs: number[] = [];
  const calls: Promise<void>[] = [];
  let failed = 0;
  let failure = "";
  const startMs = performance.now() + 100;
  const measured = () =>
    call().then(
      (latencyMs) => void latenciesMs.push(latencyMs),
      (error) => {
        failed += 1;
        failure ||= String(error);
      },
    );
  while (calls.length < total) {
    const dueMs = startMs + (calls.length * 1_000) / task.callsPerSecond;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    latenessMs.push(Math.max(0, performance.now() - dueMs));
    calls.push(measured());
  }
  await Promise.all(calls);
  const ascending = (left: number, right: number) => left - right;
  return {
    latenciesMs: latenciesMs.sort(ascending),
    latenessMs: latenessMs.sort(ascending),
    failed,
    failure,
  };
}

async function runTask(task: Task): Promise<void> {
  switch (task.kind) {
    case "idle-streams":
      await idleStreams(task);
      return;
    case "closed-loop":
      process.stdout.write(`${JSON.stringify(await closedLoop(task))}\n`);
      break;
    case "open-loop":
      process.stdout.write(`${JSON.stringify(await openLoop(task))}\n`);
      break;
    default:
      task satisfies never;
  }
  process.exit(0);
}

await runTask(JSON.parse(process.argv[2] ?? ""));
