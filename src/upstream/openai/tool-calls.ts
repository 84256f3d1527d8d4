/**
 * Tool calls out of fragments.
 *
 * The format numbers the calls of an answer and gives id and name with the first fragment. Servers
 * differ: some send every call at index 0 and only the ids tell them apart, some repeat id or name with
 * every fragment, some send no index, no id, or the arguments before the name. Whatever comes, calls
 * are told as 0, 1, 2, ... in the order in which they began, id and name once, with the first delta.
 */
import type { Emit } from "../../domain/stream-event.ts";
import { isRecord, textOf } from "../json.ts";

/** The calls of one choice. */
export type ToolCalls = {
  readonly emit: Emit;
  readonly choice: number;
  readonly calls: ToolCall[];
};

type ToolCall = {
  readonly sourceIndex: number | undefined;
  id: string;
  name: string;
  /** Told already: waits for the name. */
  announced: boolean;
  /** Arguments that came before the name. */
  early: string;
  hasArguments: boolean;
};

type FragmentFields = {
  readonly index?: unknown;
  readonly id?: unknown;
  readonly function?: unknown;
};

type FunctionFields = { readonly name?: unknown; readonly arguments?: unknown };

type Fragment = {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly text: string;
};

const NO_FUNCTION: FunctionFields = {};

export function createToolCalls(emit: Emit, choice: number): ToolCalls {
  return { emit, choice, calls: [] };
}

/** `answerId` makes ids for calls that have none. */
export function takeToolFragment(state: ToolCalls, value: unknown, answerId: string): void {
  if (!isRecord(value)) {
    return;
  }
  // Every field stays unknown, so the casts claim nothing.
  const fields = value as FragmentFields;
  const inner: FunctionFields = isRecord(fields.function) ? fields.function : NO_FUNCTION;
  take(
    state,
    {
      index: typeof fields.index === "number" ? fields.index : undefined,
      id: textOf(fields.id),
      name: textOf(inner.name),
      text: argumentsTextOf(inner.arguments),
    },
    answerId,
  );
}

/** The single call of the format before tools: `function_call: {name, arguments}`. */
export function takeFunctionCall(state: ToolCalls, value: unknown, answerId: string): void {
  takeToolFragment(state, { index: 0, function: value }, answerId);
}

/** The choice is over: a call without arguments has the empty ones. */
export function closeToolCalls(state: ToolCalls, answerId: string): void {
  for (let tool = 0; tool < state.calls.length; tool += 1) {
    const call = state.calls[tool];
    if (call !== undefined && !call.announced) {
      announce(state, tool, answerId);
    }
    if (call !== undefined && !call.hasArguments) {
      emitFragment(state, tool, "{}");
    }
  }
}

function take(state: ToolCalls, fragment: Fragment, answerId: string): void {
  const tool = toolOf(state.calls, fragment);
  const call = state.calls[tool];
  if (call === undefined) {
    return;
  }
  call.id ||= fragment.id;
  call.name ||= fragment.name;
  call.hasArguments ||= fragment.text !== "";
  if (call.announced) {
    if (fragment.text !== "") {
      emitFragment(state, tool, fragment.text);
    }
    return;
  }
  call.early += fragment.text;
  if (call.name !== "") {
    announce(state, tool, answerId);
  }
}

/** Number of the call that the fragment belongs to; begins one if there is none. */
function toolOf(calls: ToolCall[], fragment: Fragment): number {
  for (let tool = calls.length - 1; tool >= 0; tool -= 1) {
    const call = calls[tool];
    if (call !== undefined && belongs(call, fragment)) {
      return tool;
    }
  }
  calls.push({
    sourceIndex: fragment.index,
    id: fragment.id,
    name: "",
    announced: false,
    early: "",
    hasArguments: false,
  });
  return calls.length - 1;
}

function belongs(call: ToolCall, { index, id, name }: Fragment): boolean {
  if (id !== "" && call.id !== "") {
    return id === call.id;
  }
  if (index !== undefined && index !== call.sourceIndex) {
    return false;
  }
  // A call that was told with a made-up id cannot take another one.
  if (id !== "" && call.announced) {
    return false;
  }
  return name === "" || call.name === "" || name === call.name;
}

function announce({ emit, choice, calls }: ToolCalls, tool: number, answerId: string): void {
  const call = calls[tool];
  if (call === undefined) {
    return;
  }
  call.announced = true;
  call.id ||= `call_${answerId}_${choice}_${tool}`;
  emit({
    kind: "tool-call-delta",
    choice,
    tool,
    id: call.id,
    name: call.name,
    argumentsFragment: call.early,
  });
  call.early = "";
}

function emitFragment({ emit, choice }: ToolCalls, tool: number, text: string): void {
  emit({ kind: "tool-call-delta", choice, tool, id: "", name: "", argumentsFragment: text });
}

/** Some servers send the arguments as the object itself. */
function argumentsTextOf(value: unknown): string {
  return isRecord(value) ? JSON.stringify(value) : textOf(value);
}
