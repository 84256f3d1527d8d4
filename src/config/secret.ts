/**
 * A value that no log, error or dump shows by accident: only `reveal` gives it out.
 *
 * It lives in a closure, so neither spreading, nor serializing, nor inspecting reaches it.
 */
export type Secret = {
  reveal(): string;
  toString(): string;
  toJSON(): string;
};

const REDACTED = "[secret]";

/** What `util.inspect`, and so `console.log`, asks an object for. */
const inspect = Symbol.for("nodejs.util.inspect.custom");

/** Tells a secret from whatever looks like one. */
const brand = Symbol("secret");

export function createSecret(value: string): Secret {
  const redact = () => REDACTED;
  return Object.freeze({
    [brand]: true,
    reveal: () => value,
    toString: redact,
    toJSON: redact,
    [inspect]: redact,
  });
}

export function isSecret(value: unknown): value is Secret {
  return typeof value === "object" && value !== null && brand in value;
}
