import { shapeProblems } from "./json-schema-shape.ts";

/**
 * Whether a text is a JSON Schema that may be handed to providers: JSON, an object or a boolean, of
 * keywords that hold what they must, and within size and depth. Gives what is wrong with it.
 *
 * An application sends the same schemas with every call, and parsing them is the most expensive check
 * of a call. Texts that have passed are remembered, oldest forgotten first, within a bound of
 * characters.
 */
export type SchemaCheck = (text: string) => readonly string[];

export type SchemaLimits = {
  /** UTF-16 units of one schema. Default 131,072: the largest public function schemas have some 60,000. */
  readonly maxChars: number;
  /** Nesting of objects and arrays. Default 64: providers refuse far less. */
  readonly maxDepth: number;
  /** Characters of remembered schemas. Default 4,194,304. */
  readonly maxCachedChars: number;
};

const defaultSchemaLimits: SchemaLimits = {
  maxChars: 131_072,
  maxDepth: 64,
  maxCachedChars: 4_194_304,
};

export function createSchemaCheck(limits: SchemaLimits = defaultSchemaLimits): SchemaCheck {
  const passed = new Set<string>();
  let cachedChars = 0;

  function remember(text: string): void {
    passed.add(text);
    cachedChars += text.length;
    while (cachedChars > limits.maxCachedChars) {
      const [oldest = ""] = passed;
      passed.delete(oldest);
      cachedChars -= oldest.length;
    }
  }

  return (text) => {
    if (passed.has(text)) {
      return NO_PROBLEMS;
    }
    const problems = problemsOf(text, limits);
    if (problems.length === 0) {
      remember(text);
    }
    return problems;
  };
}

const NO_PROBLEMS: readonly string[] = [];

function problemsOf(text: string, { maxChars, maxDepth }: SchemaLimits): readonly string[] {
  if (text.length > maxChars) {
    return [`must have at most ${maxChars} characters`];
  }
  if (depthOf(text) > maxDepth) {
    return [`must be nested at most ${maxDepth} deep`];
  }
  let schema: unknown;
  try {
    schema = JSON.parse(text);
  } catch {
    return ["must be valid JSON"];
  }
  return shapeProblems(schema);
}

/** Deepest nesting of brackets outside of strings; runs before the parser sees the text. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  // Strings go first, so that brackets inside of them do not match.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{]|[\]}]/gs)) {
    if (token === "{" || token === "[") {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (token === "}" || token === "]") {
      depth -= 1;
    }
  }
  return deepest;
}
