import type { IncomingMessage, ServerResponse } from "node:http";
import { type CompletionReply, decideReply, type Reply } from "./decide-reply.ts";
import type { Headers } from "./dialect.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Visit } from "./endpoint-stats.ts";
import { drawId } from "./random.ts";
import { readBody } from "./read-body.ts";
import { modeOfRefusal, type Refusal } from "./refusal.ts";
import { sendStream } from "./send-stream.ts";
import { sendUnary } from "./send-unary.ts";
import { streamSteps } from "./stream-steps.ts";

/** Anthropic's limit; the others are of that order. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Below the endpoint's base URL. */
  readonly path: string;
};

export type FleetWorld = {
  readonly apiKey: string | undefined;
  readonly nowMs: () => number;
};

/** Answers one request and records it exactly once, however it ends. */
export function answerRequest(endpoint: Endpoint, exchange: Exchange, world: FleetWorld): void {
  const { request, response, path } = exchange;
  const visit = endpoint.stats.begin();
  let cutByFleet = false;
  response.once("close", () => {
    const left = !response.writableFinished && !cutByFleet;
    visit.end(left ? world.nowMs() : undefined);
  });
  const watched: Visit = {
    ...visit,
    fail(mode) {
      cutByFleet ||= mode === "cutConnection";
      visit.fail(mode);
    },
  };
  readBody(request, MAX_BODY_BYTES, (body) => {
    const { method = "GET", headers } = request;
    const nowMs = world.nowMs();
    const { apiKey } = world;
    const reply = decideReply(endpoint, { method, path, headers, body }, { nowMs, apiKey });
    send(reply, { endpoint, response, visit: watched, nowMs });
  });
}

type Sending = {
  readonly endpoint: Endpoint;
  readonly response: ServerResponse;
  readonly visit: Visit;
  readonly nowMs: number;
};

function send(reply: Reply, sending: Sending): void {
  const { response, visit } = sending;
  switch (reply.kind) {
    case "silence":
      visit.fail("stallBeforeHeaders");
      return;
    case "html":
      visit.fail("htmlError");
      response.writeHead(502, { "content-type": "text/html" });
      response.end("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>");
      return;
    case "refusal":
      visit.fail(modeOfRefusal(reply.refusal));
      sendRefusal(reply.refusal, sending);
      return;
    case "json":
      response.writeHead(200, { "content-type": "application/json", ...headersOf(sending) });
      response.end(JSON.stringify(reply.body));
      return;
    case "completion":
      sendCompletion(reply, sending);
  }
}

function sendRefusal(refusal: Refusal, sending: Sending): void {
  const { endpoint, response } = sending;
  const { dialect } = endpoint;
  const common = headersOf(sending);
  const requestId = common[dialect.requestId.header] ?? "";
  const { status, headers, body } = dialect.refuse(refusal, {
    requestId,
    profile: endpoint.profile(),
  });
  response.writeHead(status, { "content-type": "application/json", ...common, ...headers });
  response.end(JSON.stringify(body));
}

function sendCompletion(reply: CompletionReply, sending: Sending): void {
  const { response, visit, endpoint } = sending;
  const { request, completion, pace } = reply;
  recordDefects(reply, visit);
  const onFault = visit.fail;
  const { isStream } = request;
  const headers = {
    ...headersOf(sending),
    "content-type": isStream ? "text/event-stream; charset=utf-8" : "application/json",
    ...(isStream ? { "cache-control": "no-cache" } : {}),
  };
  // They leave with the first write, and a unary answer adds its length.
  response.setHeaders(new Map(Object.entries(headers)));
  if (isStream) {
    const { chunkBytes } = completion.profile;
    sendStream(response, streamSteps(reply), { pace, chunkBytes, onFault });
    return;
  }
  const { profile } = completion;
  const refusal: Refusal = { kind: "serverError", status: 500 };
  const { body } = endpoint.dialect.refuse(refusal, { requestId: "", profile });
  sendUnary(response, reply, { errorBody: JSON.stringify(body), onFault });
}

/** Faults that the answer carries from its start. */
function recordDefects({ request, completion: { faults } }: CompletionReply, visit: Visit): void {
  if (faults.interruption === "contentFilter") {
    visit.fail("contentFilter");
  }
  if (faults.emptyCompletion) {
    visit.fail("emptyCompletion");
  }
  if (faults.omitUsage) {
    visit.fail("omitUsage");
  }
  if (faults.missingDone && request.isStream) {
    visit.fail("missingDone");
  }
}

function headersOf({ endpoint, nowMs }: Sending): Headers {
  const { dialect, random, rates } = endpoint;
  const { header, prefix } = dialect.requestId;
  return {
    [header]: `${prefix}${drawId(random, 24)}`,
    ...dialect.rateHeaders(endpoint.profile(), rates.read(nowMs), nowMs),
  };
}
