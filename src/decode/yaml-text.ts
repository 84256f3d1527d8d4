import { parseDocument } from "yaml";
import type { Problem } from "./problems.ts";

export type YamlValue =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** More than any honest file has; a few nested aliases can unfold into gigabytes. */
const MAX_ALIASES = 100;

/** Twice what any layout here needs; an alias that holds itself nests for ever. */
const MAX_DEPTH = 32;

/** The value of one YAML document, or every syntax error with its line and column. Never throws. */
export function parseYaml(text: string): YamlValue {
  try {
    const document = parseDocument(text, { logLevel: "silent" });
    if (document.errors.length > 0) {
      return failed(document.errors.map(({ message }) => withPosition(message)));
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
    return isDeeper(value, MAX_DEPTH)
      ? failed([`must not be nested deeper than ${MAX_DEPTH} levels`])
      : { ok: true, value };
  } catch (error) {
    // Aliases without an end, and nesting beyond the parser's own stack.
    return failed([`cannot be read: ${String(error)}`]);
  }
}

function failed(messages: readonly string[]): YamlValue {
  // The parser may trip over one place twice.
  return { ok: false, problems: [...new Set(messages)].map((message) => ({ path: "", message })) };
}

function isDeeper(value: unknown, levels: number): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    (levels === 0 || Object.values(value).some((item) => isDeeper(item, levels - 1)))
  );
}

/** The parser puts the position last, and below it the source line with a caret. */
function withPosition(message: string): string {
  return message.replace(/^([\s\S]*?) at line (\d+), column (\d+)[\s\S]*$/, "line $2:$3: $1");
}
