import { describe, expect, it } from "vitest";
import type { ToolCallDelta } from "../../../../src/domain/stream-event.ts";
import {
  closeToolCalls,
  createToolCalls,
  takeToolFragment,
} from "../../../../src/upstream/openai/tool-calls.ts";

function assemble(...fragments: readonly unknown[]) {
  const calls: { id: string; name: string; text: string }[] = [];
  const deltas: ToolCallDelta[] = [];
  const state = createToolCalls((event) => {
    const delta = event as ToolCallDelta;
    deltas.push(delta);
    const call = calls[delta.tool] ?? { id: delta.id, name: delta.name, text: "" };
    call.text += delta.argumentsFragment;
    calls[delta.tool] = call;
  }, 0);
  for (const fragment of fragments) {
    takeToolFragment(state, fragment, "answer");
  }
  closeToolCalls(state, "answer");
  return { calls, deltas };
}

function fragment(fields: object, name?: string, text?: unknown) {
  return { ...fields, function: { name, arguments: text } };
}

describe("takeToolFragment()", () => {
  it("keeps interleaved calls apart by index", () => {
    const { calls } = assemble(
      fragment({ index: 0, id: "a" }, "f", "{"),
      fragment({ index: 1, id: "b" }, "g", "["),
      fragment({ index: 0 }, undefined, "}"),
      fragment({ index: 1 }, undefined, "]"),
    );
    expect(calls).toEqual([
      { id: "a", name: "f", text: "{}" },
      { id: "b", name: "g", text: "[]" },
    ]);
  });

  it("numbers calls without gaps whatever their indices", () => {
    const { deltas } = assemble(
      fragment({ index: 7, id: "a" }, "f", "1"),
      fragment({ index: 3, id: "b" }, "g", "2"),
    );
    expect(deltas.map(({ tool }) => tool)).toEqual([0, 1]);
  });

  it("begins a call at a used index when the id differs", () => {
    const { calls } = assemble(
      fragment({ index: 0, id: "a" }, "f", "1"),
      fragment({ index: 0, id: "b" }, "f", "2"),
      fragment({ index: 0 }, undefined, "3"),
    );
    expect(calls.map(({ text }) => text)).toEqual(["1", "23"]);
  });

  it("takes id and name again with every fragment as the same call", () => {
    const repeated = { index: 0, id: "a" };
    const { calls, deltas } = assemble(
      fragment(repeated, "f", "1"),
      fragment(repeated, "f", "2"),
      fragment(repeated, "f", "3"),
    );
    expect(calls).toEqual([{ id: "a", name: "f", text: "123" }]);
    expect(deltas.map(({ id }) => id)).toEqual(["a", "", ""]);
  });

  it("finds its call by id among calls at one index", () => {
    const { calls } = assemble(
      fragment({ index: 0, id: "a" }, "f", "1"),
      fragment({ index: 0, id: "b" }, "g", "2"),
      fragment({ index: 0, id: "a" }, undefined, "3"),
    );
    expect(calls.map(({ text }) => text)).toEqual(["13", "2"]);
  });

  it("begins a call without id when the name differs", () => {
    const { calls } = assemble(fragment({}, "f", "1"), fragment({}, "g", "2"));
    expect(calls.map(({ name, text }) => [name, text])).toEqual([
      ["f", "1"],
      ["g", "2"],
    ]);
  });

  it("makes ids for calls that have none", () => {
    const { calls } = assemble(fragment({ index: 0, id: "" }, "f"), fragment({ index: 1 }, "g"));
    expect(calls.map(({ id }) => id)).toEqual(["call_answer_0_0", "call_answer_0_1"]);
  });

  it("waits with the call until its name is known", () => {
    const { deltas } = assemble(
      fragment({ index: 0, id: "a" }, undefined, "{"),
      fragment({ index: 0 }, "f", "}"),
    );
    expect(deltas).toEqual([
      {
        kind: "tool-call-delta",
        choice: 0,
        tool: 0,
        id: "a",
        name: "f",
        argumentsFragment: "{}",
      },
    ]);
  });

  it("takes an id that comes late, before the call is told", () => {
    const { calls } = assemble(
      fragment({ index: 0 }, undefined, "{"),
      fragment({ index: 0, id: "a" }, "f", "}"),
    );
    expect(calls).toEqual([{ id: "a", name: "f", text: "{}" }]);
  });

  it("tells a call without a name in the end", () => {
    expect(assemble(fragment({ index: 0, id: "a" }, undefined, "{}")).calls).toEqual([
      { id: "a", name: "", text: "{}" },
    ]);
  });

  it("takes arguments that are an object", () => {
    expect(assemble(fragment({ id: "a" }, "f", { x: 1 })).calls[0]?.text).toBe('{"x":1}');
  });

  it("gives a call without arguments the empty ones", () => {
    expect(assemble(fragment({ id: "a" }, "f", null)).calls[0]?.text).toBe("{}");
  });

  it("tells a new call when an id follows one that was told without", () => {
    const { calls } = assemble(
      fragment({ index: 0 }, "f", "1"),
      fragment({ index: 0, id: "b" }, "f", "2"),
    );
    expect(calls.map(({ id, text }) => [id, text])).toEqual([
      ["call_answer_0_0", "1"],
      ["b", "2"],
    ]);
  });

  it("ignores what is no object", () => {
    expect(assemble(null, 3, "x", []).calls).toEqual([]);
  });
});
