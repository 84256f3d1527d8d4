import {
  isArray,
  isGiven,
  isObject,
  type JsonObject,
  property,
  textOrEmpty,
} from "./json-value.ts";
import type { Prompt, Segment, Tool, ToolChoice } from "./prompt.ts";
import { RefusedRequest } from "./refusal.ts";
import { countTokens } from "./token-text.ts";

type OpenaiTools = {
  readonly rules: Pick<Prompt, "tools" | "toolChoice" | "parallelTools">;
  readonly segments: readonly Segment[];
};

type Body = {
  readonly tools?: unknown;
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: unknown;
};

const NAME = /^[a-zA-Z0-9_-]{1,64}$/;

/** Throws `RefusedRequest`. */
export function readOpenaiTools(body: JsonObject): OpenaiTools {
  const { tools: given, tool_choice: choice, parallel_tool_calls: parallel }: Body = body;
  if (!isGiven(given)) {
    assertToolless("tool_choice", choice);
    assertToolless("parallel_tool_calls", parallel);
    return {
      rules: { tools: [], toolChoice: { kind: "none" }, parallelTools: true },
      segments: [],
    };
  }
  if (!isArray(given) || given.length === 0) {
    throw bad("Invalid 'tools': empty array. Expected an array with minimum length 1.", {
      param: "tools",
      code: "empty_array",
    });
  }
  const tools = given.map(readTool);
  const key = JSON.stringify(given);
  return {
    rules: { tools, toolChoice: readChoice(choice, tools), parallelTools: parallel !== false },
    segments: [{ key, tokens: countTokens(key), breakpoint: true }],
  };
}

function assertToolless(param: string, value: unknown): void {
  if (isGiven(value) && value !== "none") {
    throw bad(
      `Invalid value for '${param}': '${param}' is only allowed when 'tools' are specified.`,
      {
        param,
      },
    );
  }
}

function readTool(tool: unknown, index: number): Tool {
  const type = textOrEmpty(property(tool, "type"));
  if (type !== "function" && type !== "custom") {
    throw bad(`Invalid value: '${type}'. Supported values are: 'function' and 'custom'.`, {
      param: `tools[${index}].type`,
      code: "invalid_value",
    });
  }
  const definition = property(tool, type);
  const name = textOrEmpty(property(definition, "name"));
  if (!NAME.test(name)) {
    throw bad(
      `Invalid 'tools[${index}].${type}.name': string does not match pattern. Expected a string that matches the pattern '${NAME.source}'.`,
      { param: `tools[${index}].${type}.name`, code: "invalid_value" },
    );
  }
  const parameters = property(definition, "parameters");
  if (type === "custom") {
    return { name, parameters: undefined };
  }
  return { name, parameters: isObject(parameters) ? parameters : {} };
}

function readChoice(choice: unknown, tools: readonly Tool[]): ToolChoice {
  if (!isGiven(choice) || choice === "auto") {
    return { kind: "auto" };
  }
  if (choice === "none" || choice === "required") {
    return { kind: choice };
  }
  const type = textOrEmpty(property(choice, "type"));
  if (type === "allowed_tools") {
    const mode = property(property(choice, "allowed_tools"), "mode");
    return { kind: mode === "required" ? "required" : "auto" };
  }
  const name = textOrEmpty(property(property(choice, type), "name"));
  if (!tools.some((tool) => tool.name === name)) {
    throw bad(`Invalid value for 'tool_choice': tool '${name}' not found in 'tools'.`, {
      param: "tool_choice",
    });
  }
  return { kind: "named", name };
}

function bad(
  message: string,
  place: { readonly param: string; readonly code?: string },
): RefusedRequest {
  return new RefusedRequest({ kind: "badRequest", message, ...place });
}
