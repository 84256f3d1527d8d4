import {
  ToolChoice_Mode,
  type ResponseFormat as WireResponseFormat,
  type Tool as WireTool,
  type ToolChoice as WireToolChoice,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { FunctionTool, ResponseFormat, ToolChoice } from "../domain/completion.ts";
import { isFunctionName } from "./decode-messages.ts";
import type { SchemaCheck } from "./json-schema-check.ts";
import type { Violations } from "./violations.ts";

const MAX_TOOLS = 128;
const MAX_DESCRIPTION_CHARS = 16_384;
/** All schemas of one call together, so that 128 large ones are no way around the limit of one. */
const MAX_SCHEMA_CHARS = 1_048_576;
const FUNCTION_NAME_RULE = 'must have 1 to 64 letters, digits, "_" and "-"';
const NO_TOOLS: readonly FunctionTool[] = [];
const TEXT: ResponseFormat = { kind: "text" };

export function decodeTools(
  tools: readonly WireTool[],
  checkSchema: SchemaCheck,
  violations: Violations,
): readonly FunctionTool[] {
  if (tools.length === 0) {
    return NO_TOOLS;
  }
  if (tools.length > MAX_TOOLS) {
    violations.add("spec.tools", `must have at most ${MAX_TOOLS} tools`);
    return NO_TOOLS;
  }
  const names = new Set<string>();
  const decoded: FunctionTool[] = [];
  let schemaChars = 0;
  for (const [index, { tool }] of tools.entries()) {
    if (tool.case === undefined) {
      violations.add(`spec.tools[${index}]`, "must be a function");
      continue;
    }
    const path = `spec.tools[${index}].function`;
    const { name, description, parametersJsonSchema, strict } = tool.value;
    if (names.has(name)) {
      violations.add(`${path}.name`, "must be unique among the tools");
    }
    names.add(name);
    checkFunction(tool.value, path, violations);
    schemaChars += parametersJsonSchema.length;
    if (parametersJsonSchema !== "") {
      violations.addAll(`${path}.parameters_json_schema`, checkSchema(parametersJsonSchema));
    }
    decoded.push({ name, description, parametersJsonSchema, strict });
  }
  if (schemaChars > MAX_SCHEMA_CHARS) {
    violations.add("spec.tools", `must have at most ${MAX_SCHEMA_CHARS} characters of schemas`);
  }
  return decoded;
}

function checkFunction(
  { name, description }: { readonly name: string; readonly description: string },
  path: string,
  violations: Violations,
): void {
  if (!isFunctionName(name)) {
    violations.add(`${path}.name`, FUNCTION_NAME_RULE);
  }
  if (description.length > MAX_DESCRIPTION_CHARS) {
    violations.add(`${path}.description`, `must have at most ${MAX_DESCRIPTION_CHARS} characters`);
  }
}

export function decodeToolChoice(
  choice: WireToolChoice["choice"] | undefined,
  tools: readonly FunctionTool[],
  violations: Violations,
): ToolChoice | undefined {
  switch (choice?.case) {
    case undefined:
      return undefined;
    case "functionName": {
      const name = choice.value;
      if (!tools.some((tool) => tool.name === name)) {
        violations.add("spec.tool_choice.function_name", "must be one of the tools");
      }
      return { kind: "function", name };
    }
    case "mode":
      return decodeMode(choice.value, tools, violations);
    default:
      return choice satisfies never;
  }
}

function decodeMode(
  mode: number,
  tools: readonly FunctionTool[],
  violations: Violations,
): ToolChoice | undefined {
  switch (mode) {
    case ToolChoice_Mode.UNSPECIFIED:
    case ToolChoice_Mode.AUTO:
      return { kind: "auto" };
    case ToolChoice_Mode.NONE:
      return { kind: "none" };
    case ToolChoice_Mode.REQUIRED:
      if (tools.length === 0) {
        violations.add("spec.tool_choice.mode", "requires a tool, and there is none");
      }
      return { kind: "required" };
    default:
      violations.add("spec.tool_choice.mode", "must be one of the defined modes");
      return undefined;
  }
}

export function decodeResponseFormat(
  format: WireResponseFormat["format"] | undefined,
  checkSchema: SchemaCheck,
  violations: Violations,
): ResponseFormat {
  switch (format?.case) {
    case undefined:
    case "text":
      return TEXT;
    case "jsonObject":
      return { kind: "json-object" };
    case "jsonSchema": {
      const { name, schemaJson, strict } = format.value;
      const path = "spec.response_format.json_schema";
      if (name !== "" && !isFunctionName(name)) {
        violations.add(`${path}.name`, FUNCTION_NAME_RULE);
      }
      const problems = schemaJson === "" ? ["must not be empty"] : checkSchema(schemaJson);
      violations.addAll(`${path}.schema_json`, problems);
      return { kind: "json-schema", name: name === "" ? "response" : name, schemaJson, strict };
    }
    default:
      return format satisfies never;
  }
}
