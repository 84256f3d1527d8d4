import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type CallOptions,
  type Client,
  Code,
  ConnectError,
  createClient,
} from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CompletionSpecSchema, Role, type Timings } from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import type { RoutingPolicySchema } from "../../gen/atlas/v1/routing_pb.ts";
import { type Attempt, Tier } from "../../gen/atlas/v1/types_pb.ts";
import { MODEL } from "./simulated-providers.ts";
import type { Traffic } from "./traffic-processes.ts";

/** One call as its caller saw it. */
export type CallSeen = {
  readonly kind: string;
  readonly traceId: string;
  /** Of the caller's own span. */
  readonly spanId: string;
  readonly answer: Answer | undefined;
  /** Why there is no answer: the caller left, or the name of a gRPC code. */
  readonly error: string | undefined;
};

export type Answer = {
  readonly id: string;
  readonly timings: Timings;
  readonly attempts: readonly Attempt[];
};

type RouterClient = Client<typeof RouterService>;

type Kind = {
  readonly name: string;
  readonly application: string;
  readonly routing: MessageInitShape<typeof RoutingPolicySchema>;
  readonly timeoutMs?: number;
  readonly call: (client: RouterClient, request: Request, options: Options) => Promise<Answer>;
};

type Request = ReturnType<typeof requestOf>;
type Options = CallOptions & { readonly leave: AbortController };

const LEFT = "the caller left";
const alphaFirst = ["alpha"];

const reply: Kind = {
  name: "a reply",
  application: "helpdesk",
  routing: { operation: "support.reply", tier: Tier.STANDARD, providerOrder: alphaFirst },
  call: whole,
};

const kinds: readonly Kind[] = [
  reply,
  {
    name: "a chat, streamed",
    application: "helpdesk",
    routing: { operation: "support.chat", tier: Tier.REALTIME },
    call: streamed,
  },
  {
    name: "a summary",
    application: "search",
    routing: { operation: "search.summary", tier: Tier.STANDARD },
    call: whole,
  },
  {
    name: "a review, streamed",
    application: "editor",
    routing: { operation: "code.review", tier: Tier.STANDARD, providerOrder: alphaFirst },
    call: streamed,
  },
  {
    name: "a suggestion in 150 ms or never",
    application: "editor",
    routing: { operation: "code.suggest", tier: Tier.REALTIME },
    timeoutMs: 150,
    call: whole,
  },
  {
    name: "a chat whose reader leaves",
    application: "helpdesk",
    routing: { operation: "support.chat", tier: Tier.REALTIME },
    call: leftSoon,
  },
];

export type Load = {
  /** Those that have ended, in that order. */
  readonly calls: readonly CallSeen[];
  /** Calls of every kind in turn, as many a second, until they are paused. */
  start(perSecond: number): void;
  /** Resolves when those in flight have ended. */
  pause(): Promise<void>;
  /** One call of the first kind. */
  callOnce(): Promise<void>;
};

/** Runs `work`, and sees to it that no call goes on after it, however it ends. */
export async function withLoad<T>(
  { routerUrl, callerSpans }: Pick<Traffic, "routerUrl" | "callerSpans">,
  work: (load: Load) => Promise<T>,
): Promise<T> {
  const client = createClient(RouterService, createGrpcTransport({ baseUrl: routerUrl }));
  const calls: CallSeen[] = [];
  const open = new Set<Promise<void>>();
  let next = 0;
  let timer: NodeJS.Timeout | undefined;
  const begin = (kind: Kind) => {
    const ended = callOnce(client, kind, callerSpans).then((seen) => {
      calls.push(seen);
      open.delete(ended);
    });
    open.add(ended);
    return ended;
  };
  const load: Load = {
    calls,
    start(perSecond) {
      timer = setInterval(() => {
        void begin(kinds[next % kinds.length] ?? reply);
        next += 1;
      }, 1_000 / perSecond);
    },
    async pause() {
      clearInterval(timer);
      await Promise.all(open);
    },
    callOnce: () => begin(reply),
  };
  try {
    return await work(load);
  } finally {
    clearInterval(timer);
    await Promise.all(open);
  }
}

async function callOnce(
  client: RouterClient,
  { name, application, routing, timeoutMs, call }: Kind,
  callerSpans: Traffic["callerSpans"],
): Promise<CallSeen> {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  const leave = new AbortController();
  const options: Options = {
    leave,
    signal: leave.signal,
    headers: { traceparent: `00-${traceId}-${spanId}-01` },
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  const startedAtMs = nowMs();
  let answer: Answer | undefined;
  let error: string | undefined;
  try {
    answer = await call(client, requestOf(application, routing), options);
  } catch (cause) {
    error = leave.signal.aborted ? LEFT : `ended with ${Code[ConnectError.from(cause).code]}`;
  }
  callerSpans({
    name,
    kind: "client",
    traceId,
    spanId,
    parentSpanId: undefined,
    parentIsRemote: false,
    traceState: "",
    startedAtMs,
    endedAtMs: nowMs(),
    attributes: [{ key: "demo.application", value: application }],
    events: [],
    links: [],
    error,
  });
  return { kind: name, traceId, spanId, answer, error };
}

const nowMs = () => performance.timeOrigin + performance.now();

function requestOf(application: string, routing: Kind["routing"]) {
  const text = "echo: one two three four five six seven eight nine ten eleven twelve";
  const spec = create(CompletionSpecSchema, {
    model: MODEL,
    messages: [{ role: Role.USER, parts: [{ part: { case: "text", value: text } }] }],
  });
  return { spec, routing, caller: { application, labels: { team: `${application}-team` } } };
}

async function whole(
  client: RouterClient,
  request: Request,
  { leave: _, ...options }: Options,
): Promise<Answer> {
  const { id, timings, attempts } = await client.complete(request, options);
  return answerOf(id, timings, attempts);
}

async function streamed(
  client: RouterClient,
  request: Request,
  { leave: _, ...options }: Options,
): Promise<Answer> {
  let id = "";
  for await (const { event } of client.streamComplete(request, options)) {
    if (event.case === "started") {
      id = event.value.id;
    }
    if (event.case === "finished") {
      return answerOf(id, event.value.timings, event.value.attempts);
    }
  }
  throw new Error("the stream has no end");
}

async function leftSoon(client: RouterClient, request: Request, options: Options): Promise<Answer> {
  const timer = delay(30).then(() => options.leave.abort());
  const answer = await streamed(client, request, options);
  await timer;
  return answer;
}

function answerOf(id: string, timings: Timings | undefined, attempts: readonly Attempt[]): Answer {
  if (timings === undefined) {
    throw new Error(`call ${id} has no timings`);
  }
  return { id, timings, attempts };
}
