import type { OutgoingReport } from "./bus.ts";

/**
 * What a bus accepts, the same on every bus. What breaks a rule is a mistake of the sender that no
 * repetition mends: it is rejected with a `RangeError`, never with `BusUnavailable`.
 */

/** The stream takes 64 KiB, headers included; the id and the headers have 4 KiB of that. */
export const MAX_REPORT_BYTES = 60 * 1024;

/** Names and values together. */
export const MAX_HEADER_BYTES = 2 * 1024;

/** A table takes 512 KiB a value, headers included. */
export const MAX_VALUE_BYTES = 508 * 1024;

/** Equal ids of reports within this time are stored once. */
export const DUPLICATE_WINDOW_MS = 120_000;

/** How long the stream keeps a report: longer than the window of the scores. */
export const REPORT_AGE_MS = 40 * 60_000;

const TOKEN = /^[A-Za-z0-9_-]{1,128}$/;
const ID = /^[\x21-\x7e]{1,256}$/;
const HEADER_NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const KEY = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const MAX_KEY_LENGTH = 256;

/** Why no bus takes the report, for people; absent when it is fine. */
export function reportProblem(report: OutgoingReport): string | undefined {
  if (!TOKEN.test(report.token)) {
    return "token of a report: 1 to 128 characters of [A-Za-z0-9_-]";
  }
  if (!ID.test(report.id)) {
    return "id of a report: 1 to 256 visible ASCII characters";
  }
  if (report.bytes.length > MAX_REPORT_BYTES) {
    return `report of ${report.bytes.length} bytes: at most ${MAX_REPORT_BYTES}`;
  }
  return headersProblem(report.headers ?? {});
}

function headersProblem(headers: Readonly<Record<string, string>>): string | undefined {
  let bytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    // A reserved prefix: a sender must not address the server.
    if (!HEADER_NAME.test(name) || name.startsWith("nats-")) {
      return "name of a header: 1 to 64 characters of [a-z0-9-], not beginning with nats-";
    }
    if (!HEADER_VALUE.test(value)) {
      return `header ${name}: visible ASCII, spaces only within`;
    }
    bytes += name.length + value.length;
  }
  return bytes > MAX_HEADER_BYTES
    ? `headers of ${bytes} bytes: at most ${MAX_HEADER_BYTES}`
    : undefined;
}

/** Why no table takes the key, also as name of a lease; absent when it is fine. */
export function keyProblem(key: string): string | undefined {
  return key.length <= MAX_KEY_LENGTH && KEY.test(key)
    ? undefined
    : "key: 1 to 256 characters of [A-Za-z0-9_-], in parts joined by single dots";
}

/** Why no table takes the value; absent when it is fine. */
export function valueProblem(value: Uint8Array): string | undefined {
  return value.length > MAX_VALUE_BYTES
    ? `value of ${value.length} bytes: at most ${MAX_VALUE_BYTES}`
    : undefined;
}
