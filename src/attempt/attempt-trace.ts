import type { CompletionCall } from "../domain/call.ts";
import type { Outcome } from "../domain/outcome.ts";
import type { NowMs } from "../domain/ports.ts";
import { isContent, type StreamEvent } from "../domain/stream-event.ts";
import type { Usage } from "../domain/usage.ts";
import type { Clocks } from "./clocks.ts";

/**
 * Stands between an adapter and the caller for one attempt: keeps its times and counts, and holds back
 * what is not content until there is content, so that nothing of a failed attempt shows. Reasoning that
 * the caller did not ask for is timed and counted, and goes no further.
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
  /** UTF-8 bytes of content so far, withheld reasoning included. */
  contentBytes(): number;
  /** Content has gone to the caller's side, or the attempt has succeeded. */
  passedContent(): boolean;
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
  const outlet = createOutlet(listener.emit);
  const showsReasoning = listener.call.spec.reasoning?.includeInResponse === true;
  let clocks: Clocks | undefined;
  let ended = false;
  let firstContentMs: number | undefined;
  let lastContentMs = 0;
  let contentBytes = 0;
  let reasoned = false;

  function takeContent(event: StreamEvent): void {
    lastContentMs = nowMs();
    clocks?.content(lastContentMs);
    contentBytes += bytesOf(event);
    reasoned ||= event.kind === "reasoning-delta";
    if (firstContentMs === undefined) {
      firstContentMs = lastContentMs;
      listener.firstContent({ startedAtMs, nowMs: firstContentMs });
    }
    if (showsReasoning || !isReasoning(event)) {
      outlet.open();
      listener.emit(event);
    }
  }

  function takeAside(event: StreamEvent): void {
    clocks?.activity(nowMs());
    note(told, event);
    if (event.kind !== "response-start" && (showsReasoning || !isReasoning(event))) {
      outlet.pass(event);
    }
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
        outlet.open();
      }
      ended = true;
    },
    times: () => ({ startedAtMs, firstContentMs, lastContentMs }),
    told: () => told,
    contentBytes: () => contentBytes,
    passedContent: outlet.isOpen,
    showedReasoning: () => reasoned,
  };
}

/** Keeps events back until it is opened, and then lets them through in order. */
function createOutlet(emit: (event: StreamEvent) => void) {
  let held: StreamEvent[] | undefined = [];
  return {
    isOpen: () => held === undefined,
    open() {
      const kept = held ?? [];
      held = undefined;
      for (const event of kept) {
        emit(event);
      }
    },
    pass(event: StreamEvent) {
      if (held === undefined) {
        emit(event);
      } else {
        held.push(event);
      }
    },
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
