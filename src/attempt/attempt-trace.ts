import type { CompletionCall } from "../domain/call.ts";
import type { Outcome } from "../domain/outcome.ts";
import type { NowMs } from "../domain/ports.ts";
import { type FinishReason, isContent, type StreamEvent } from "../domain/stream-event.ts";
import type { Usage } from "../domain/usage.ts";
import type { Clocks } from "./clocks.ts";

/**
 * Stands between an adapter and the caller for one attempt: keeps its times and counts, and holds back
 * what is not content until there is content, so that nothing of a failed attempt shows. Reasoning that
 * the caller did not ask for is timed and counted, and goes no further.
 */
export type AttemptTrace = {
  readonly emit: (event: StreamEvent) => void;
  readonly startedAtMs: number;
  readonly firstContentMs: number | undefined;
  /** Meaningful only after the first content. */
  readonly lastContentMs: number;
  /** What the provider said about itself. */
  readonly told: Told;
  /** UTF-8 bytes of content so far, withheld reasoning included. */
  readonly contentBytes: number;
  /** Content has gone to the caller's side, or the attempt has succeeded. */
  readonly passedContent: boolean;
  /** Whether reasoning was among the content. */
  readonly showedReasoning: boolean;
  /** When what the upstream tells at `nowMs` arrived: never before what it told earlier. */
  arrivedMs(nowMs: number): number;
  open(clocks: Clocks): void;
  /** Drops whatever an adapter emits after this. A success hands over what was held back. */
  close(outcome: Outcome): void;
};

/**
 * When what is handled at `nowMs` was there to be read, at the earliest: before `nowMs` when it had to wait
 * for the event loop. Never after it.
 */
export type ArrivedMs = (nowMs: number) => number;

type Told = {
  usage: Usage | undefined;
  httpStatus: number | undefined;
  upstreamRequestId: string | undefined;
  upstreamModel: string;
  /** In the order of their coming; absent before the first. */
  finishReasons: FinishReason[] | undefined;
};

type Listener = {
  readonly call: CompletionCall;
  readonly emit: (event: StreamEvent) => void;
  /** Told once, before the content itself. */
  readonly firstContent: (times: { readonly startedAtMs: number; readonly nowMs: number }) => void;
};

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

type State = Writable<AttemptTrace> & {
  readonly listener: Listener;
  readonly nowMs: NowMs;
  readonly arrivalOf: ArrivedMs;
  /** Of the latest arrival; before the first, the start. */
  latestMs: number;
  readonly showsReasoning: boolean;
  /** What waits for content; empty once it has passed. */
  held: readonly StreamEvent[];
  clocks: Clocks | undefined;
  ended: boolean;
};

const NOTHING_HELD: readonly StreamEvent[] = [];

export function createAttemptTrace(
  listener: Listener,
  nowMs: NowMs,
  arrivalOf: ArrivedMs = asHandled,
): AttemptTrace {
  const startedAtMs = nowMs();
  const state: State = {
    emit: (event) => take(state, event),
    startedAtMs,
    firstContentMs: undefined,
    lastContentMs: 0,
    told: {
      usage: undefined,
      httpStatus: undefined,
      upstreamRequestId: undefined,
      upstreamModel: "",
      finishReasons: undefined,
    },
    contentBytes: 0,
    passedContent: false,
    showedReasoning: false,
    arrivedMs,
    open,
    close,
    listener,
    nowMs,
    arrivalOf,
    latestMs: startedAtMs,
    showsReasoning: listener.call.spec.reasoning?.includeInResponse === true,
    held: NOTHING_HELD,
    clocks: undefined,
    ended: false,
  };
  return state;
}

/** Nothing is known to have waited. */
function asHandled(nowMs: number): number {
  return nowMs;
}

function arrivedMs(this: AttemptTrace, nowMs: number): number {
  const state = this as State;
  state.latestMs = Math.max(state.latestMs, state.arrivalOf(nowMs));
  return state.latestMs;
}

function open(this: AttemptTrace, clocks: Clocks): void {
  (this as State).clocks = clocks;
}

function close(this: AttemptTrace, outcome: Outcome): void {
  const state = this as State;
  if (outcome.kind === "success") {
    pass(state);
  }
  state.ended = true;
}

function take(state: State, event: StreamEvent): void {
  // An adapter that ignores the signal, or its own end, must not reach a caller who moved on.
  if (state.ended) {
    return;
  }
  if (isContent(event)) {
    takeContent(state, event);
  } else {
    takeAside(state, event);
  }
}

function takeContent(state: State, event: StreamEvent): void {
  const { listener, startedAtMs } = state;
  const nowMs = state.nowMs();
  const atMs = state.arrivedMs(nowMs);
  state.lastContentMs = atMs;
  // Limits are about what is still to come, and that could not be read meanwhile.
  state.clocks?.content(nowMs);
  state.contentBytes += bytesOf(event);
  state.showedReasoning ||= event.kind === "reasoning-delta";
  if (state.firstContentMs === undefined) {
    state.firstContentMs = atMs;
    listener.firstContent({ startedAtMs, nowMs: atMs });
  }
  if (state.showsReasoning || !isReasoning(event)) {
    pass(state);
    listener.emit(event);
  }
}

function takeAside(state: State, event: StreamEvent): void {
  state.clocks?.activity(state.nowMs());
  note(state.told, event);
  if (event.kind === "response-start" || (isReasoning(event) && !state.showsReasoning)) {
    return;
  }
  if (state.passedContent) {
    state.listener.emit(event);
  } else {
    state.held = [...state.held, event];
  }
}

/** From here on nothing is held back; what was goes on in its order. */
function pass(state: State): void {
  if (state.passedContent) {
    return;
  }
  state.passedContent = true;
  const { held, listener } = state;
  state.held = NOTHING_HELD;
  for (const event of held) {
    listener.emit(event);
  }
}

function note(told: Told, event: StreamEvent): void {
  if (event.kind === "choice-end") {
    told.finishReasons ??= [];
    told.finishReasons.push(event.reason);
  }
  if (event.kind === "usage") {
    told.usage = event.usage;
  }
  if (event.kind === "response-start") {
    told.httpStatus = event.httpStatus ?? told.httpStatus;
    told.upstreamRequestId = event.upstreamRequestId ?? told.upstreamRequestId;
    told.upstreamModel = event.upstreamModel ?? told.upstreamModel;
  }
}

const reasoningKinds: ReadonlySet<StreamEvent["kind"]> = new Set([
  "reasoning-delta",
  "reasoning-signature",
  "redacted-reasoning",
]);

function isReasoning({ kind }: StreamEvent): boolean {
  return reasoningKinds.has(kind);
}

function bytesOf(event: StreamEvent): number {
  switch (event.kind) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
      return Buffer.byteLength(event.text);
    case "tool-call-delta":
      return event.name.length + Buffer.byteLength(event.argumentsFragment);
    default:
      return 0;
  }
}
