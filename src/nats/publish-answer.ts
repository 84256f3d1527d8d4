const HEAD = Buffer.from('{"stream":"');
const MIDDLE = Buffer.from('"seq":');
const QUOTE = 0x22;
const COMMA = 0x2c;
const SPACE = 0x20;
const CLOSING_BRACE = 0x7d;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
const NINE = 0x39;
/** 2^53 has sixteen digits: fifteen always fit. */
const MAX_DIGITS = 15;

/**
 * The position in a stream's confirmation of a message, read without a parser where it has the form in
 * which servers write it: `{"stream":"NAME", "seq":123}`. `undefined` for everything else that may be
 * right or wrong: a refusal, a duplicate, a domain, other spaces.
 */
export function positionOf(answer: Uint8Array): number | undefined {
  if (!startsWith(answer, 0, HEAD)) {
    return undefined;
  }
  const quote = answer.indexOf(QUOTE, HEAD.length);
  const isPlain = quote > 0 && answer[quote - 1] !== BACKSLASH && answer[quote + 1] === COMMA;
  if (!isPlain) {
    return undefined;
  }
  const member = answer[quote + 2] === SPACE ? quote + 3 : quote + 2;
  const first = member + MIDDLE.length;
  return startsWith(answer, member, MIDDLE) ? lastNumber(answer, first) : undefined;
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[at + index] !== wanted[index]) {
      return false;
    }
  }
  return true;
}

/** Of digits that only the closing brace follows. */
function lastNumber(bytes: Uint8Array, first: number): number | undefined {
  const end = bytes.length - 1;
  const digits = end - first;
  if (digits < 1 || digits > MAX_DIGITS || bytes[end] !== CLOSING_BRACE) {
    return undefined;
  }
  let value = 0;
  for (let index = first; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte < ZERO || byte > NINE) {
      return undefined;
    }
    value = value * 10 + (byte - ZERO);
  }
  return value;
}
