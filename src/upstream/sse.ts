/**
 * Server-sent events out of raw bytes.
 *
 * Characters may be cut in two between chunks, so chunks cannot be decoded one by one, and a decoder
 * with state looks at every byte once more. Line ends occur in no multi-byte character: this decodes each
 * chunk up to its last line end in one go and keeps the bytes behind it, which are rarely any. Lines are
 * then slices of that text.
 *
 * Invariant: the events do not depend on where chunks are cut. Comments, `id` and `retry` are skipped.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export type SseParser = {
  /** False: an event outgrew `maxEventBytes`, and everything after it is lost. */
  push(chunk: Buffer): boolean;
  /** The stream ended in order. Delivers an event whose blank line is missing. */
  end(): void;
};

export type SseParserOptions = {
  /** `name` is empty when the event has none. Never throws. */
  readonly onEvent: (name: string, data: string) => void;
  /**
   * Bytes of an unfinished line, characters of a finished one. Default 1 MiB: the largest events known,
   * whole tool arguments or images, stay below it.
   */
  readonly maxEventBytes?: number;
};

const DEFAULT_MAX_EVENT_BYTES = 1024 * 1024;
const MIN_CARRY_BYTES = 1024;
const NO_BYTES = Buffer.alloc(0);

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const LETTER_D = 0x64;
const LETTER_E = 0x65;
const BYTE_ORDER_MARK = 0xfeff;

type State = {
  readonly onEvent: (name: string, data: string) => void;
  readonly maxEventBytes: number;
  /** The unfinished line. Grows by doubling, so that single bytes do not cost quadratic time. */
  carry: Buffer;
  carryLength: number;
  name: string;
  data: string;
  dataLines: number;
  isFirstLine: boolean;
  /** The last chunk ended in CR, and an LF that follows belongs to it. */
  skipsLineFeed: boolean;
  tooLarge: boolean;
};

export function createSseParser({ onEvent, maxEventBytes }: SseParserOptions): SseParser {
  const state: State = {
    onEvent,
    maxEventBytes: maxEventBytes ?? DEFAULT_MAX_EVENT_BYTES,
    carry: NO_BYTES,
    carryLength: 0,
    name: "",
    data: "",
    dataLines: 0,
    isFirstLine: true,
    skipsLineFeed: false,
    tooLarge: false,
  };
  return {
    push(chunk) {
      return push(state, chunk);
    },
    end() {
      if (state.carryLength > 0) {
        const text = takeCarry(state);
        takeLine(state, text, 0, text.length);
      }
      dispatch(state);
    },
  };
}

function push(state: State, chunk: Buffer): boolean {
  let start = 0;
  if (state.skipsLineFeed && chunk.length > 0) {
    state.skipsLineFeed = false;
    start = chunk[0] === LF ? 1 : 0;
  }
  const end = endOfLines(chunk, start);
  if (end > start) {
    state.skipsLineFeed = end === chunk.length && chunk[end - 1] === CR;
    takeLines(state, decode(state, chunk, start, end));
  }
  if (end < chunk.length) {
    keep(state, chunk, end, chunk.length);
    state.tooLarge ||= state.data.length + state.carryLength > state.maxEventBytes;
  }
  return !state.tooLarge;
}

/** Behind the last line end; `start` if there is none. */
function endOfLines(chunk: Buffer, start: number): number {
  let end = chunk.length;
  while (end > start && chunk[end - 1] !== LF && chunk[end - 1] !== CR) {
    end -= 1;
  }
  return end;
}

function decode(state: State, chunk: Buffer, start: number, end: number): string {
  if (state.carryLength === 0) {
    return chunk.toString("utf8", start, end);
  }
  keep(state, chunk, start, end);
  return takeCarry(state);
}

function takeCarry(state: State): string {
  const text = state.carry.toString("utf8", 0, state.carryLength);
  state.carryLength = 0;
  return text;
}

function keep(state: State, chunk: Buffer, start: number, end: number): void {
  const length = state.carryLength + end - start;
  if (length > state.carry.length) {
    const grown = Buffer.allocUnsafe(Math.max(MIN_CARRY_BYTES, length, state.carry.length * 2));
    state.carry.copy(grown, 0, 0, state.carryLength);
    state.carry = grown;
  }
  chunk.copy(state.carry, state.carryLength, start, end);
  state.carryLength = length;
}

/** Takes text that ends in a line end. */
function takeLines(state: State, text: string): void {
  if (text.includes("\r")) {
    takeAnyLines(state, text);
    return;
  }
  let position = 0;
  let end = text.indexOf("\n");
  while (end !== -1) {
    if (text.charCodeAt(end + 1) === LF && isPlainData(state, text, position)) {
      // Nearly every event: one line of data and the blank line.
      takeData(state, text.slice(position + 6, end));
      dispatch(state);
      position = end + 2;
    } else {
      takeLine(state, text, position, end);
      position = end + 1;
    }
    end = text.indexOf("\n", position);
  }
}

function isPlainData(state: State, text: string, position: number): boolean {
  return !state.isFirstLine && text.startsWith("data: ", position);
}

/** Lines that end in CR, LF or CRLF. */
function takeAnyLines(state: State, text: string): void {
  let position = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === LF || code === CR) {
      takeLine(state, text, position, index);
      index += code === CR && text.charCodeAt(index + 1) === LF ? 1 : 0;
      position = index + 1;
    }
  }
}

function takeLine(state: State, text: string, from: number, end: number): void {
  let start = from;
  if (state.isFirstLine) {
    state.isFirstLine = false;
    start += text.charCodeAt(start) === BYTE_ORDER_MARK ? 1 : 0;
  }
  if (start === end) {
    dispatch(state);
    return;
  }
  const letter = text.charCodeAt(start);
  if (letter === LETTER_D && isField(text, "data", start, end)) {
    takeData(state, fieldValue(text, start + 4, end));
  } else if (letter === LETTER_E && isField(text, "event", start, end)) {
    state.name = fieldValue(text, start + 5, end);
  }
}

function takeData(state: State, value: string): void {
  state.data = state.dataLines === 0 ? value : `${state.data}\n${value}`;
  state.dataLines += 1;
  state.tooLarge ||= state.data.length > state.maxEventBytes;
}

/** An event without a `data` line is none. */
function dispatch(state: State): void {
  const { name, data } = state;
  state.name = "";
  if (state.dataLines > 0 && !state.tooLarge) {
    state.data = "";
    state.dataLines = 0;
    state.onEvent(name, data);
  }
}

/** A field without a colon has the empty value. */
function isField(text: string, name: string, start: number, end: number): boolean {
  const colon = start + name.length;
  return text.startsWith(name, start) && (colon === end || (colon < end && text[colon] === ":"));
}

/** One space after the colon does not belong to the value. */
function fieldValue(text: string, nameEnd: number, end: number): string {
  const start = nameEnd + 1;
  return text.slice(
    start < end && text.charCodeAt(start) === SPACE ? start + 1 : start,
    Math.max(start, end),
  );
}
