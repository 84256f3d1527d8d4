/**
 * Whether the keywords of a JSON Schema hold what they must, all the way down.
 *
 * Providers disagree on what they do with a broken schema, from an error to silence. Keywords that
 * are not known here pass: which of them a provider takes is its own matter.
 * https://json-schema.org/draft/2020-12/json-schema-validation
 */

/** A schema of a thousand mistakes is not answered with a thousand sentences. */
const MAX_PROBLEMS = 16;

const TYPES: readonly unknown[] = [
  "null",
  "boolean",
  "object",
  "array",
  "number",
  "integer",
  "string",
];
const TYPE_RULE = `must be one of ${TYPES.join(", ")}, or a list of them`;

type Report = (path: string, rule: string) => void;
type Check = (value: unknown, path: string, report: Report) => void;

/** One sentence for each mistake, with its path inside of the schema; the first 16 of them. */
export function shapeProblems(schema: unknown): readonly string[] {
  const problems: string[] = [];
  checkSchema(schema, "", (path, rule) => {
    if (problems.length < MAX_PROBLEMS) {
      problems.push(path === "" ? rule : `${path}: ${rule}`);
    }
  });
  return problems;
}

/** The caller has bounded the depth. */
function checkSchema(schema: unknown, path: string, report: Report): void {
  if (typeof schema === "boolean") {
    return;
  }
  if (!isObject(schema)) {
    report(path, "must be a JSON object or a boolean");
    return;
  }
  for (const [keyword, value] of Object.entries(schema)) {
    keywords.get(keyword)?.(value, within(path, keyword), report);
  }
}

function checkType(value: unknown, path: string, report: Report): void {
  const isType = Array.isArray(value)
    ? value.length > 0 && value.every((each) => TYPES.includes(each))
    : TYPES.includes(value);
  if (!isType) {
    report(path, TYPE_RULE);
  }
}

function checkSchemasByName(value: unknown, path: string, report: Report): void {
  if (!isObject(value)) {
    report(path, "must be an object of schemas");
    return;
  }
  for (const [name, schema] of Object.entries(value)) {
    checkSchema(schema, within(path, name), report);
  }
}

function checkSchemaList(value: unknown, path: string, report: Report): void {
  if (!Array.isArray(value) || value.length === 0) {
    report(path, "must be a list of at least one schema");
    return;
  }
  for (const [index, schema] of value.entries()) {
    checkSchema(schema, `${path}[${index}]`, report);
  }
}

/** Before the draft of 2020 a tuple was a list of items. */
function checkItems(value: unknown, path: string, report: Report): void {
  if (!Array.isArray(value)) {
    checkSchema(value, path, report);
    return;
  }
  for (const [index, schema] of value.entries()) {
    checkSchema(schema, `${path}[${index}]`, report);
  }
}

function checkStrings(value: unknown, path: string, report: Report): void {
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string")) {
    report(path, "must be a list of strings");
  }
}

function checkList(value: unknown, path: string, report: Report): void {
  if (!Array.isArray(value)) {
    report(path, "must be a list");
  }
}

function checkString(value: unknown, path: string, report: Report): void {
  if (typeof value !== "string") {
    report(path, "must be a string");
  }
}

const keywords: ReadonlyMap<string, Check> = new Map([
  ["type", checkType],
  ["properties", checkSchemasByName],
  ["patternProperties", checkSchemasByName],
  ["$defs", checkSchemasByName],
  ["definitions", checkSchemasByName],
  ["required", checkStrings],
  ["enum", checkList],
  ["items", checkItems],
  ["additionalProperties", checkSchema],
  ["anyOf", checkSchemaList],
  ["oneOf", checkSchemaList],
  ["allOf", checkSchemaList],
  ["prefixItems", checkSchemaList],
  ["not", checkSchema],
  ["$ref", checkString],
  ["description", checkString],
  ["title", checkString],
]);

function within(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
