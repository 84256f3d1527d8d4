import { describe, expect, test } from "vitest";
import { readOpenaiTools } from "../../../src/simulator/openai-tools.ts";
import { RefusedRequest } from "../../../src/simulator/refusal.ts";

const schema = { type: "object" };
const lookUp = { type: "function", function: { name: "look_up", parameters: schema } };
const sql = { type: "custom", custom: { name: "sql" } };

function refusalOf(body: Parameters<typeof readOpenaiTools>[0]) {
  try {
    readOpenaiTools(body);
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedRequest);
    return (error as RefusedRequest).refusal;
  }
  return expect.fail("the tools were accepted");
}

describe("readOpenaiTools()", () => {
  test("reads no tools where none are given", () => {
    expect(readOpenaiTools({ tool_choice: "none" })).toEqual({
      rules: { tools: [], toolChoice: { kind: "none" }, parallelTools: true },
      segments: [],
    });
  });

  test("reads functions with their schema, and custom tools without one", () => {
    const bare = { type: "function", function: { name: "now" } };
    expect(readOpenaiTools({ tools: [lookUp, sql, bare] }).rules.tools).toEqual([
      { name: "look_up", parameters: schema },
      { name: "sql", parameters: undefined },
      { name: "now", parameters: {} },
    ]);
  });

  test.each([
    { choice: undefined, expected: { kind: "auto" } },
    { choice: "auto", expected: { kind: "auto" } },
    { choice: "none", expected: { kind: "none" } },
    { choice: "required", expected: { kind: "required" } },
    {
      choice: { type: "function", function: { name: "look_up" } },
      expected: { kind: "named", name: "look_up" },
    },
    {
      choice: { type: "custom", custom: { name: "sql" } },
      expected: { kind: "named", name: "sql" },
    },
    {
      choice: { type: "allowed_tools", allowed_tools: { mode: "required" } },
      expected: { kind: "required" },
    },
    {
      choice: { type: "allowed_tools", allowed_tools: { mode: "auto" } },
      expected: { kind: "auto" },
    },
  ])("reads the choice $choice", ({ choice, expected }) => {
    const { rules } = readOpenaiTools({ tools: [lookUp, sql], tool_choice: choice });
    expect(rules.toolChoice).toEqual(expected);
  });

  test("calls one tool at a time only when told so", () => {
    expect(readOpenaiTools({ tools: [sql] }).rules.parallelTools).toBe(true);
    const body = { tools: [sql], parallel_tool_calls: false };
    expect(readOpenaiTools(body).rules.parallelTools).toBe(false);
  });

  test.each([
    { name: "an empty list", body: { tools: [] }, param: "tools" },
    { name: "a choice without tools", body: { tool_choice: "auto" }, param: "tool_choice" },
    {
      name: "parallel calls without tools",
      body: { parallel_tool_calls: true },
      param: "parallel_tool_calls",
    },
    {
      name: "a tool of an unknown type",
      body: { tools: [sql, { type: "browser" }] },
      param: "tools[1].type",
    },
    {
      name: "a name with a blank",
      body: { tools: [{ type: "function", function: { name: "look up" } }] },
      param: "tools[0].function.name",
    },
    {
      name: "a choice of a tool that is not among them",
      body: { tools: [sql], tool_choice: { type: "function", function: { name: "look_up" } } },
      param: "tool_choice",
    },
  ])("refuses $name", ({ body, param }) => {
    expect(refusalOf(body)).toMatchObject({ kind: "badRequest", param });
  });
});
