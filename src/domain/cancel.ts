/**
 * Tells whoever works that the work is over. The part of `AbortSignal` that a call needs, so that every
 * `AbortSignal` is one. A call carries two of its own, which are plain objects: the platform's are event targets.
 */
export type CancelSignal = {
  readonly aborted: boolean;
  /** Absent while `aborted` is false. */
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
};

export type Canceller = {
  readonly signal: CancelSignal;
  /** Tells every listener once, in the order of their coming. The first reason stands. */
  abort(reason?: unknown): void;
};

type State = {
  aborted: boolean;
  reason: unknown;
  /** Absent while there is none. */
  listeners: (() => void)[] | undefined;
  readonly addEventListener: typeof add;
  readonly removeEventListener: typeof remove;
};

/** Listeners must not throw: what one throws reaches whoever aborts, and those behind it hear nothing. */
export function createCanceller(): Canceller {
  const signal: State = {
    aborted: false,
    reason: undefined,
    listeners: undefined,
    addEventListener: add,
    removeEventListener: remove,
  };
  return { signal, abort: (reason) => abort(signal, reason) };
}

function abort(signal: State, reason: unknown): void {
  if (signal.aborted) {
    return;
  }
  signal.aborted = true;
  signal.reason = reason;
  const { listeners } = signal;
  if (listeners === undefined) {
    return;
  }
  // Whoever comes or goes while they are told changes nothing of this list.
  signal.listeners = undefined;
  for (const listener of listeners) {
    listener();
  }
}

function add(this: CancelSignal, _type: "abort", listener: () => void): void {
  const state = this as State;
  if (state.aborted) {
    return;
  }
  if (state.listeners === undefined) {
    state.listeners = [listener];
  } else {
    state.listeners.push(listener);
  }
}

function remove(this: CancelSignal, _type: "abort", listener: () => void): void {
  const { listeners } = this as State;
  if (listeners?.includes(listener)) {
    listeners.splice(listeners.indexOf(listener), 1);
  }
}
