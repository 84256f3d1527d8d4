/**
 * The members of a request body, each behind the parameter that its endpoint has to take for it.
 *
 * Members are values for `JSON.stringify`, except the ones that are JSON text already.
 */
import type { Parameter } from "../domain/parameters.ts";
import { withMember } from "./json.ts";

export type RequestMembers = {
  /** Sets a member that every endpoint takes, unless the value is `undefined`. */
  set(name: string, value: unknown): void;
  /** Sets a member if the endpoint takes the parameter and the value is not `undefined`. */
  setIf(parameter: Parameter, name: string, value: unknown): void;
  /** Sets a member that is JSON text. */
  setText(name: string, text: string): void;
  takes(parameter: Parameter): boolean;
  /** The whole body; `extensions` fill in names that nobody has set and that are not reserved. */
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

export function createRequestMembers(parameters: ReadonlySet<Parameter>): RequestMembers {
  // A plain object, which `JSON.stringify` writes several times as fast as one without a prototype.
  const values: Record<string, unknown> = {};
  const texts = new Map<string, string>();
  const set = (name: string, value: unknown) => {
    if (value !== undefined) {
      values[name] = value;
    }
  };
  /** Assigning to `__proto__` would set no member. */
  const addExtension = (name: string, value: unknown) => {
    if (name === "__proto__") {
      texts.set(name, JSON.stringify(value));
    } else {
      values[name] = value;
    }
  };
  return {
    set,
    setIf(parameter, name, value) {
      if (value !== undefined && parameters.has(parameter)) {
        values[name] = value;
      }
    },
    setText(name, text) {
      texts.set(name, text);
    },
    takes(parameter) {
      return parameters.has(parameter);
    },
    encode(extensions) {
      const extra = parameters.has("provider_extensions") ? Object.entries(extensions ?? {}) : [];
      for (const [name, value] of extra) {
        if (!(Object.hasOwn(values, name) || texts.has(name) || RESERVED.has(name))) {
          addExtension(name, value);
        }
      }
      let body = JSON.stringify(values);
      for (const [name, text] of texts) {
        body = withMember(body, name, text);
      }
      return body;
    },
  };
}
