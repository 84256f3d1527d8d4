/** A client of Atlas Router, over gRPC and over Connect: `npx node docs/clients/typescript/client.ts` */

import assert from "node:assert/strict";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { type CompletionSpecSchema, Role } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  ResourceInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";

type Router = Client<typeof RouterService>;

const grpcAddress = process.env["ATLAS_GRPC"] || "localhost:50051";
const httpAddress = process.env["ATLAS_HTTP"] || "http://localhost:8080";
const model = process.env["ATLAS_MODEL"] || "openai/gpt-4o-mini";

/** Takes seconds to answer: the simulated fleet repeats what follows "echo:". */
const longText = `echo:${" on and".repeat(1_000)}`;

const transports: Readonly<Record<string, Transport>> = {
  gRPC: createGrpcTransport({ baseUrl: `http://${grpcAddress}`, defaultTimeoutMs: 60_000 }),
  Connect: createConnectTransport({
    baseUrl: httpAddress,
    httpVersion: "1.1",
    defaultTimeoutMs: 60_000,
  }),
};

function ask(text: string): MessageInitShape<typeof CompletionSpecSchema> {
  return {
    model,
    messages: [{ role: Role.USER, parts: [{ part: { case: "text", value: text } }] }],
  };
}

/** Where would a call go, and why there? */
async function route(router: Router): Promise<string> {
  const { decision, candidates } = await router.route({ spec: ask("Name three rivers.") });
  const total = candidates.reduce((sum, { share }) => sum + share, 0);
  assert.ok(decision?.endpoint, "no endpoint was decided on");
  assert.ok(Math.abs(total - 1) < 1e-6, `shares add up to ${total}`);
  return `${decision.endpoint} of ${candidates.length} candidates`;
}

/** The whole answer in one message. */
async function complete(router: Router): Promise<string> {
  const answer = await router.complete({ spec: ask("Name three rivers.") });
  const parts = answer.choices[0]?.message?.parts ?? [];
  const text = parts.map(({ part }) => (part.case === "text" ? part.value : "")).join("");
  const tokens = answer.usage?.visibleOutputTokens;
  const cost = answer.cost?.totalNanoUsd;
  assert.ok(text, "no text");
  assert.ok(tokens && cost && answer.attempts.length > 0, "no usage, cost or attempts");
  return `${text.length} characters, ${tokens} tokens, ${cost} nano-USD, ${answer.attempts.length} attempt(s)`;
}

/** The answer as it is generated: started first, finished last, numbered without gaps. */
async function stream(router: Router): Promise<string> {
  let text = "";
  let pieces = 0;
  const cases: (string | undefined)[] = [];
  for await (const { sequence, event } of router.streamComplete({
    spec: ask("Name three rivers."),
  })) {
    assert.equal(sequence, BigInt(cases.length));
    cases.push(event.case);
    if (event.case === "content" && event.value.delta.case === "text") {
      text += event.value.delta.value;
      pieces += 1;
    }
  }
  assert.equal(cases[0], "started");
  assert.equal(cases.at(-1), "finished");
  assert.ok(text, "no text");
  return `${text.length} characters in ${pieces} pieces`;
}

/** Aborting the signal ends the call at the router and at the provider. */
async function cancel(router: Router): Promise<string> {
  const abort = new AbortController();
  let canceledAtMs = Number.NaN;
  const error = await failureOf(async () => {
    const { signal } = abort;
    for await (const { event } of router.streamComplete({ spec: ask(longText) }, { signal })) {
      if (event.case === "content" && !signal.aborted) {
        canceledAtMs = performance.now();
        abort.abort();
      }
    }
  });
  const tookMs = performance.now() - canceledAtMs;
  assert.equal(error.code, Code.Canceled, error.message);
  assert.ok(tookMs < 1_000, `took ${tookMs} ms`);
  return `CANCELLED after ${tookMs.toFixed(1)} ms`;
}

/** The deadline travels with the call; without one the router takes 300 s. */
async function deadline(router: Router): Promise<string> {
  const error = await failureOf(() =>
    router.complete({ spec: ask("Name three rivers.") }, { timeoutMs: 1 }),
  );
  assert.equal(error.code, Code.DeadlineExceeded, error.message);
  return "DEADLINE_EXCEEDED";
}

/** Every error says in google.rpc messages what is wrong. */
async function errorDetails(router: Router): Promise<string> {
  const spec = { ...ask("Name three rivers."), model: "nobody/nothing" };
  const notFound = await failureOf(() => router.complete({ spec }));
  const [info] = notFound.findDetails(ErrorInfoSchema);
  const [resource] = notFound.findDetails(ResourceInfoSchema);
  assert.equal(notFound.code, Code.NotFound, notFound.message);
  assert.equal(info?.reason, "MODEL_NOT_FOUND");
  assert.equal(resource?.resourceName, "nobody/nothing");

  const invalid = await failureOf(() => router.complete({ spec: { model, messages: [] } }));
  const [badRequest] = invalid.findDetails(BadRequestSchema);
  const fields = (badRequest?.fieldViolations ?? []).map(({ field }) => field);
  assert.equal(invalid.code, Code.InvalidArgument, invalid.message);
  assert.ok(fields.includes("spec.messages"), `violated fields: ${fields.join(", ")}`);
  return `${info.reason} ${resource.resourceName}, INVALID_ARGUMENT ${fields.join(", ")}`;
}

async function failureOf(call: () => Promise<unknown>): Promise<ConnectError> {
  try {
    await call();
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error("the call succeeded");
}

const checks = { route, complete, stream, cancel, deadline, "error details": errorDetails };

for (const [protocol, transport] of Object.entries(transports)) {
  const router = createClient(RouterService, transport);
  for (const [name, check] of Object.entries(checks)) {
    try {
      console.log(`ok ${name} over ${protocol}: ${await check(router)}`);
    } catch (error) {
      console.log(`FAILED ${name} over ${protocol}: ${error}`);
      process.exitCode = 1;
    }
  }
}
