import type { AnswerChoice } from "./answer.ts";
import type { CancelSignal } from "./cancel.ts";
import type { Endpoint } from "./catalog.ts";
import type { CallerLabels, CompletionSpec } from "./completion.ts";
import type { EndpointId } from "./endpoint.ts";
import type { Cost } from "./money.ts";
import type { Outcome } from "./outcome.ts";
import type { Parameter } from "./parameters.ts";
import type { RouteDecision } from "./plan.ts";
import type { RoutingPolicy } from "./policy.ts";
import type { RouterError } from "./router-error.ts";
import type { FinishReason, StreamEvent } from "./stream-event.ts";
import type { TraceContext } from "./trace.ts";
import type { Usage } from "./usage.ts";

/** One call, decoded and checked. */
export type CompletionCall = {
  /** UUID; also names the decision. */
  readonly id: string;
  readonly spec: CompletionSpec;
  /** As the caller asked; the operator's policy narrows it further. */
  readonly policy: RoutingPolicy;
  readonly caller: CallerLabels;
  /** Whether the caller wants the answer as it is generated. */
  readonly streaming: boolean;
  /**
   * Epoch milliseconds, when the request was there whole and its decoding began. What its upload took is
   * the caller's and its network's, but uses up the caller's timeout.
   */
  readonly receivedAtMs: number;
  /** Epoch milliseconds; the router never works past it. */
  readonly deadlineMs: number;
  /** Sent while nothing else is; 0 sends none. */
  readonly heartbeatIntervalMs: number;
  readonly trace: TraceContext;
  /** Aborts when the caller leaves, or when the server gives up on it with a `RouterError` as reason. */
  readonly signal: CancelSignal;
  /** Takes events in order, on the producer's stack. Never throws and never waits. */
  readonly emit: (event: CallEvent) => void;
  /** What has been answered so far. Present only while answers are recorded for traces. */
  readonly answer?: (() => readonly AnswerChoice[]) | undefined;
};

export type CallEvent =
  | StreamEvent
  | { readonly kind: "started"; readonly decision: RouteDecision }
  | {
      readonly kind: "route-switched";
      readonly failed: AttemptRecord;
      readonly next: EndpointId;
    }
  | { readonly kind: "heartbeat"; readonly phase: HeartbeatPhase };

export type HeartbeatPhase = "queued" | "waiting-for-first-token" | "generating";

/** One try at one endpoint, as it is told to the caller. */
export type AttemptRecord = {
  /** 1, 2, 3. */
  readonly number: number;
  readonly endpoint: Endpoint;
  readonly startedAtMs: number;
  readonly durationMs: number;
  /** Since the attempt's start; absent when no content came. */
  readonly firstTokenMs: number | undefined;
  readonly outcome: Outcome;
  readonly httpStatus: number | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly droppedParameters: readonly Parameter[];
  /** One for each choice that ended; absent when none did. */
  readonly finishReasons?: readonly FinishReason[] | undefined;
  /** Of this attempt alone, as its observation has it. Absent when none was reported and none could be counted. */
  readonly usage?: Usage | undefined;
  /** Whether the endpoint was asked for a stream, which need not be what the caller asked for. */
  readonly streamed: boolean;
  /** The provider's own name of the model; empty when not told. */
  readonly upstreamModel: string;
  /**
   * What it is reckoned to be billed although another attempt followed, where `isBilled`: the price of
   * `usage`, which nobody has confirmed. In no cost of the call. Absent of every other attempt.
   */
  readonly givenUpCost?: Cost | undefined;
};

/** Where the time of a call went, in milliseconds. The parts are disjoint and add up to `total`. */
export type Timings = {
  readonly queue: number;
  readonly plan: number;
  /** Attempts that were given up, with the waits between them. */
  readonly failedAttempts: number;
  /** Of the last attempt. An answer that came whole counts here entirely. */
  readonly upstreamFirstToken: number;
  readonly upstreamGeneration: number;
  /**
   * The router's own share: decoding the request, what the handlers do, waiting for the event loop, and
   * encoding what is streamed outside of the attempts. Not the upload of the request, nor encoding and
   * sending what is said after the call's end: an answer that is sent whole, the end of a stream.
   */
  readonly routerOverhead: number;
  readonly total: number;
};

/** How a call ended, after its last event. */
export type CallResult = {
  readonly decision: RouteDecision;
  /** In order; never empty. The last one decided the call. */
  readonly attempts: readonly [AttemptRecord, ...AttemptRecord[]];
  /** Absent: the call succeeded. */
  readonly error: RouterError | undefined;
  /** Content reached the caller before the error. */
  readonly partial: boolean;
  readonly usage: Usage;
  readonly cost: Cost;
  readonly timings: Timings;
  /** Output tokens per second after the first token; 0 when it cannot be told. */
  readonly outputTokensPerSecond: number;
  /** The provider's own name of the model that answered; empty when not told. */
  readonly upstreamModel: string;
};

/** How a call ended that no endpoint was asked for: it could not be planned, or nothing admitted it. */
export type CallRefusal = {
  /** Absent when there is no plan. */
  readonly decision: RouteDecision | undefined;
  readonly attempts: readonly [];
  readonly error: RouterError;
  /** Absent, which tells a refusal from a result. */
  readonly usage?: undefined;
  readonly timings: Timings;
};

export type CallEnd = CallResult | CallRefusal;
