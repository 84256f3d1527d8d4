import type { AttemptRecord, CallEnd, CallResult, CompletionCall } from "./call.ts";
import type { CancelSignal } from "./cancel.ts";
import type { Endpoint } from "./catalog.ts";
import type { CompletionSpec } from "./completion.ts";
import type { EndpointId } from "./endpoint.ts";
import type { Outcome } from "./outcome.ts";
import type { RouteExplanation } from "./plan.ts";
import type { RoutingPolicy } from "./policy.ts";
import type { Emit } from "./stream-event.ts";
import type { TraceContext } from "./trace.ts";
import type { Usage } from "./usage.ts";

/** Epoch milliseconds with fractions that never go back. Only `main.ts` supplies the real clock. */
export type NowMs = () => number;

/** Runs `task` once after `delayMs`; the returned function calls it off. */
export type Schedule = (delayMs: number, task: () => void) => () => void;

/** Uniform in [0, 1). */
export type Random = () => number;

/** One attempt, as an adapter sees it. */
export type UpstreamCall = {
  readonly endpoint: Endpoint;
  readonly spec: CompletionSpec;
  /** Ask for the answer as a stream. Either way it is told by `emit`. */
  readonly stream: boolean;
  readonly emit: Emit;
  /** Headers `traceparent` and `tracestate` of this attempt; an empty one is not sent. Absent: neither. */
  readonly trace?: { readonly traceparent: string; readonly tracestate: string };
  /** Called for whatever keeps the connection alive without being an event: SSE comments, pings. */
  readonly onActivity?: () => void;
  /** Aborts when the attempt is over, whatever the reason. */
  readonly signal: CancelSignal;
};

/**
 * Runs one call at one endpoint and resolves with how it ended, after the last `emit`.
 *
 * Success means a complete answer: a finish reason for every choice that began. A failure is an
 * outcome; a rejection is a defect of the adapter. Closes its connection use within 50 ms of the abort.
 */
export type Upstream = (call: UpstreamCall) => Promise<Outcome>;

/** What one attempt taught us. */
export type Observation = {
  readonly callId: string;
  /** Of the call. Its `keep` is final about this attempt: sinks that ran before have seen to it. */
  readonly trace: TraceContext;
  readonly attempt: AttemptRecord;
  readonly endedAtMs: number;
  /** False: the answer came whole, so first token and throughput are not known. */
  readonly streamed: boolean;
  /** Between the first and the last content; absent unless both came in a stream. */
  readonly generationMs: number | undefined;
  /** Output tokens that came between them: reasoning that the provider hides is not among them. */
  readonly generatedTokens: number;
  /** Absent when none was reported and none could be counted. */
  readonly usage: Usage | undefined;
};

/** Takes every attempt exactly once. Never throws. */
export type ObservationSink = (observation: Observation) => void;

/** Takes every call of the router exactly once, when it has ended. Never throws. */
export type CallSink = (call: CompletionCall, end: CallEnd) => void;

/** One RPC of any service, ended: the last thing there is to know about it. */
export type RpcEnd = {
  /** Which protocol: gRPC, or Connect and gRPC-Web. */
  readonly system: "grpc" | "connectrpc";
  /** `atlas.v1.RouterService/Complete`; `_OTHER` for what no service has. */
  readonly method: string;
  readonly trace: TraceContext;
  /** Epoch milliseconds, as of a call; of a request that was never there whole, when its headers were. */
  readonly receivedAtMs: number;
  readonly endedAtMs: number;
  /** Name of the gRPC code: `OK`, `UNAVAILABLE`. */
  readonly status: string;
  /** `ErrorInfo.reason`; absent when it succeeded. */
  readonly reason: string | undefined;
  /** Id of the completion that it was; absent of other methods, and of calls refused before they had one. */
  readonly callId: string | undefined;
  /**
   * Where the call stands whose answer or error this RPC was given again, because it repeats its request id,
   * or for which it waited until it ended itself.
   * Absent of every other RPC, the one that made the call among them.
   */
  readonly repeats?: TraceContext | undefined;
  /** Where the caller, or its proxy, connects from; empty when not known. */
  readonly peer: string;
  /** Where it connects to: our end of the connection. Absent when not known. */
  readonly server?: { readonly host: string; readonly port: number } | undefined;
};

/** Takes every RPC exactly once, after its answer was handed to the transport. Never throws. */
export type RpcSink = (end: RpcEnd) => void;

/** Keeps count of what runs where. */
export type Admission = {
  /**
   * Reserves a place for one attempt, which the observation of that attempt gives back.
   *
   * False: breaker, cooldown or limit say no; with `force` only `credentials` and `misconfigured` do.
   */
  tryStart(
    endpoint: Endpoint,
    options: { readonly nowMs: number; readonly force: boolean },
  ): boolean;
  /** A streamed attempt has begun: until its content or its observation it is known to wait. */
  awaitContent(endpoint: EndpointId, startedAtMs: number): void;
  /** Content began: neither a breaker's probe nor the time it took needs the attempt's end to be known. */
  firstContent(
    endpoint: EndpointId,
    times: { readonly startedAtMs: number; readonly nowMs: number },
  ): void;
  /** Whether attempts at the endpoint should stream although the caller does not, to be measured. */
  wantsTiming(endpoint: EndpointId, nowMs: number): boolean;
};

export type RouteRequest = {
  readonly decisionId: string;
  readonly spec: CompletionSpec;
  readonly policy: RoutingPolicy;
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
};

export type Router = {
  /** What `complete` would do, with every reason, without calling anything. Throws a `RouterError`. */
  route(request: RouteRequest): RouteExplanation;
  /** Rejects only with a `RouterError`, and only when no attempt could start. */
  complete(call: CompletionCall): Promise<CallResult>;
};

/** Structured log line. Values never hold secrets, prompts or answers. */
export type Log = (
  level: "debug" | "info" | "warn" | "error",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
