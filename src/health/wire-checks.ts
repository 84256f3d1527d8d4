import type { Message } from "@bufbuild/protobuf";
import { StateSignal_State } from "../../gen/atlas/events/v1/health_report_pb.ts";
import { type OutsideState, outsideStates } from "../domain/health.ts";
import type { MessageDecoder } from "../wire/message-decoder.ts";

/** Why bytes are not what they should be, in one line. Holds no text from the bytes. */
export type Undecodable = { readonly problem: string };

export const MAX_ID = 256;
const MAX_REASON = 200;

/** `undefined`: there is no such message in these bytes. */
export function readMessage(decode: MessageDecoder, bytes: Uint8Array): Message | undefined {
  try {
    return decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch {
    return undefined;
  }
}

/** What is wrong with a name: it is too short, too long, or would garble a line of a log. */
export function nameProblem(
  what: string,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): string | undefined {
  if (name.length < least) {
    return `${what} is missing`;
  }
  if (name.length > most) {
    return `${what} is longer than ${most} characters`;
  }
  return /\p{Cc}/u.test(name) ? `${what} holds control characters` : undefined;
}

/** 0 to 2^53 - 1; `undefined` for any other number. */
export function wholeOf(value: bigint): number | undefined {
  const number = Number(value);
  return number >= 0 && number <= Number.MAX_SAFE_INTEGER ? number : undefined;
}

export const stateNumbers = {
  up: StateSignal_State.UP,
  degraded: StateSignal_State.DEGRADED,
  down: StateSignal_State.DOWN,
  draining: StateSignal_State.DRAINING,
} as const satisfies Record<OutsideState, StateSignal_State>;

/** `undefined`: unspecified, or of a version that knows more states. */
export function outsideStateOf(number: number): OutsideState | undefined {
  return outsideStates.find((state) => stateNumbers[state] === number);
}

/** At most 200 characters, none of them half of a pair: a claim counts whatever the length of its text. */
export function cutReason(reason: string): string {
  const cut = reason.length > MAX_REASON ? reason.slice(0, MAX_REASON) : reason;
  return cut.isWellFormed() ? cut : cut.slice(0, -1).toWellFormed();
}
