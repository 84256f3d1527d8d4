/**
 * The members of a request body, each behind the parameter that its endpoint has to take for it.
 *
 * Members are values for `JSON.stringify`, except the ones that are JSON text already. Each is written when
 * it is set, and the body is their texts in that order.
 */
import type { Parameter } from "../domain/parameters.ts";
import { UnencodableRequest } from "./unencodable-request.ts";

/** Names of members are plain words, which need no escapes, and each is set once. */
export type RequestMembers = {
  /** Sets a member that every endpoint takes, unless the value is `undefined`. */
  set(name: string, value: unknown): void;
  /** Sets a member if the endpoint takes the parameter and the value is not `undefined`. */
  setIf(parameter: Parameter, name: string, value: unknown): void;
  /** Sets a member that is JSON text. */
  setText(name: string, text: string): void;
  takes(parameter: Parameter): boolean;
  /**
   * The whole body; `extensions` fill in names that nobody has set and that are not reserved. Throws
   * `UnencodableRequest` for one that JSON has no text for.
   */
  encode(extensions: Readonly<Record<string, unknown>> | undefined): string;
};

/** What decides which model answers what, and in which form the adapter reads it. */
const RESERVED: ReadonlySet<string> = new Set([
  "model",
  "messages",
  "system",
  "stream",
  "stream_options",
]);

type Members = RequestMembers & {
  readonly parameters: ReadonlySet<Parameter>;
  readonly names: string[];
  /** As they stand in the body, which is still open at its end. */
  text: string;
};

export function createRequestMembers(parameters: ReadonlySet<Parameter>): RequestMembers {
  // Functions of all bodies: closures of its own would cost a body more than its members.
  const members: Members = { parameters, names: [], text: "{", set, setIf, setText, takes, encode };
  return members;
}

function set(this: RequestMembers, name: string, value: unknown): void {
  if (value !== undefined) {
    this.setText(name, textOf(value));
  }
}

function setIf(this: RequestMembers, parameter: Parameter, name: string, value: unknown): void {
  if (value !== undefined && this.takes(parameter)) {
    this.setText(name, textOf(value));
  }
}

function setText(this: RequestMembers, name: string, text: string): void {
  const members = this as Members;
  members.text += `${members.names.length === 0 ? "" : ","}"${name}":${text}`;
  members.names.push(name);
}

function takes(this: RequestMembers, parameter: Parameter): boolean {
  return (this as Members).parameters.has(parameter);
}

function encode(
  this: RequestMembers,
  extensions: Readonly<Record<string, unknown>> | undefined,
): string {
  const members = this as Members;
  if (extensions !== undefined && members.parameters.has("provider_extensions")) {
    // Of before the extensions: `setText` keeps a name with its escapes, which may be the whole name
    // of another extension. No two of them have the same.
    const names = [...members.names];
    for (const [name, value] of Object.entries(extensions)) {
      if (!(names.includes(name) || RESERVED.has(name))) {
        // Only those of callers can have characters that need an escape.
        this.setText(JSON.stringify(name).slice(1, -1), extensionTextOf(value));
      }
    }
  }
  return `${members.text}}`;
}

/** Numbers are their own JSON, but for those that JSON does not have. */
function textOf(value: unknown): string {
  return Number.isFinite(value) ? String(value) : JSON.stringify(value);
}

/** What the caller sent must neither be left out in silence nor break the body. */
function extensionTextOf(value: unknown): string {
  let cause: unknown;
  try {
    // What `JSON.stringify` returns for a function or `undefined`, though its type does not say so.
    const text: string | undefined = textOf(value);
    if (text !== undefined) {
      return text;
    }
  } catch (error) {
    cause = error;
  }
  throw new UnencodableRequest("spec.provider_extensions holds a value that is not JSON.", {
    cause,
  });
}
