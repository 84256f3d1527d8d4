export type Header = { readonly name: string; readonly value: string };

/** An entry of `OTEL_EXPORTER_OTLP_HEADERS`, as the SDK reads it; absent: the SDK leaves it out without a word. */
export function headerOf(entry: string): Header | undefined {
  // What is behind a semicolon is taken for a property, as in baggage.
  const [pair = ""] = entry.split(";", 1);
  const name = nameIn(pair);
  const value = pair.slice(pair.indexOf("=") + 1).trim();
  if (!pair.includes("=") || name === "" || value === "") {
    return undefined;
  }
  try {
    return { name: decodeURIComponent(name), value: decodeURIComponent(value) };
  } catch {
    return undefined;
  }
}

/** What stands before the first `=`, or the whole entry without one. */
export function nameIn(entry: string): string {
  const [name = ""] = entry.split("=", 1);
  return name.trim();
}

/**
 * False of `authorization: Bearer c2VjcmV0==`: the padding of a token is taken for the sign between name and
 * value then, and the token for a part of the name, which the exporters quote in their errors.
 */
export function isNamed({ name, value }: Header): boolean {
  return TOKEN.test(name) && !/^=+$/u.test(value);
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-tokens */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/u;

export function decodedOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
