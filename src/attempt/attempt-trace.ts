import type { CompletionCall } from "../domain/call.ts";
import type { Outcome } from "../domain/outcome.ts";
import type { NowMs } from "../domain/ports.ts";
import { isContent, type StreamEvent } from "../domain/stream-event.ts";
import type { Usage } from "../domain/usage.ts";
import type { Clocks } from "./clocks.ts";

/**
 * Stands between an adapter and the caller for one attempt: keeps its times and counts, and holds back
 * what is not content until there is content, so that nothing of a failed attempt shows.
 */
export type AttemptTrace = {
  readonly emit: (event: StreamEvent) => void;
  open(clocks: Clocks): void;
  /** Drops whatever an adapter emits after this. A success hands over what was held back. */
  close(outcome: Outcome): void;
  times(): {
    readonly startedAtMs: number;
    readonly firstContentMs: number | undefined;
    /** Meaningful only after the first content. */
    readonly lastContentMs: number;
  };
  /** What the provider said about itself. */
  told(): Told;
  /** Characters of content so far. */
  characters(): number;
  /** Whether reasoning was among the content. */
  showedReasoning(): boolean;
};

type Told = {
  usage: Usage | undefined;
  httpStatus: number | undefined;
  upstreamRequestId: string | undefined;
  upstreamModel: string;
};

type Listener = {
  readonly call: CompletionCall;
  readonly emit: (event: StreamEvent) => void;
  /** Told once, before the content itself. */
  readonly firstContent: (times: { readonly startedAtMs: number; readonly nowMs: number }) => void;
};

export function createAttemptTrace(listener: Listener, nowMs: NowMs): AttemptTrace {
  const startedAtMs = nowMs();
  const told: Told = {
    usage: undefined,
    httpStatus: undefined,
    upstreamRequestId: undefined,
    upstreamModel: "",
  };
  let clocks: Clocks | undefined;
  let ended = false;
  let held: StreamEvent[] = [];
  let firstContentMs: number | undefined;
  let lastContentMs = 0;
  let characters = 0;
  let reasoned = false;

  function release(): void {
    for (const event of held) {
      listener.emit(event);
    }
    held = [];
  }

  function takeAside(event: StreamEvent): void {
    clocks?.activity();
    note(told, event);
    if (event.kind === "response-start") {
      return;
    }
    if (firstContentMs === undefined) {
      held.push(event);
    } else {
      listener.emit(event);
    }
  }

  function takeContent(event: StreamEvent): void {
    clocks?.content();
    lastContentMs = nowMs();
    characters += charactersOf(event);
    reasoned ||= event.kind === "reasoning-delta";
    if (firstContentMs === undefined) {
      firstContentMs = lastContentMs;
      listener.firstContent({ startedAtMs, nowMs: firstContentMs });
      release();
    }
    listener.emit(event);
  }

  return {
    emit(event) {
      // An adapter that ignores the signal, or its own end, must not reach a caller who moved on.
      if (ended || listener.call.signal.aborted) {
        return;
      }
      if (isContent(event)) {
        takeContent(event);
      } else {
        takeAside(event);
      }
    },
    open(running) {
      clocks = running;
    },
    close(outcome) {
      if (outcome.kind === "success") {
        release();
      }
      ended = true;
    },
    times: () => ({ startedAtMs, firstContentMs, lastContentMs }),
    told: () => told,
    characters: () => characters,
    showedReasoning: () => reasoned,
  };
}

function note(told: Told, event: StreamEvent): void {
  if (event.kind === "usage") {
    told.usage = event.usage;
  }
  if (event.kind === "response-start") {
    told.httpStatus = event.httpStatus ?? told.httpStatus;
    told.upstreamRequestId = event.upstreamRequestId ?? told.upstreamRequestId;
    told.upstreamModel = event.upstreamModel ?? told.upstreamModel;
  }
}

function charactersOf(event: StreamEvent): number {
  switch (event.kind) {
    case "text-delta":
    case "reasoning-delta":
    case "refusal-delta":
      return event.text.length;
    case "tool-call-delta":
      return event.name.length + event.argumentsFragment.length;
    default:
      return 0;
  }
}
