import type { Emit } from "../../domain/stream-event.ts";
import { isRecord, textOf } from "../json.ts";

/** The blocks of one answer. */
export type Blocks = {
  readonly emit: Emit;
  readonly open: (Block | undefined)[];
  /** Tool calls begun so far. */
  tools: number;
  /** Some block held something for the caller. */
  hasContent: boolean;
  /** Some block is of what may be hidden, be it thinking or work on the provider's side. */
  mayHide: boolean;
};

type Block = {
  /** `other` is whatever the provider runs on its own side. */
  readonly kind: "text" | "thinking" | "tool" | "other";
  /** Number of the tool call. */
  readonly tool: number;
  /** Arguments that came with the opening, in case no delta follows. */
  readonly input: string;
  hasArguments: boolean;
  signature: string;
};

type BlockFields = {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly thinking?: unknown;
  readonly signature?: unknown;
  readonly data?: unknown;
  readonly id?: unknown;
  readonly name?: unknown;
  readonly input?: unknown;
};

type DeltaFields = {
  readonly type?: unknown;
  readonly text?: unknown;
  readonly partial_json?: unknown;
  readonly thinking?: unknown;
  readonly signature?: unknown;
};

export function createBlocks(emit: Emit): Blocks {
  return { emit, open: [], tools: 0, hasContent: false, mayHide: false };
}

export function openBlock(blocks: Blocks, index: number, value: unknown): void {
  const fields: BlockFields = isRecord(value) ? value : {};
  switch (fields.type) {
    case "text":
      blocks.open[index] = block("text", "");
      emitText(blocks, textOf(fields.text));
      break;
    case "thinking":
      blocks.open[index] = block("thinking", textOf(fields.signature));
      blocks.mayHide = true;
      emitThinking(blocks, textOf(fields.thinking));
      break;
    case "redacted_thinking":
      blocks.open[index] = block("other", "");
      blocks.hasContent = true;
      blocks.emit({
        kind: "redacted-reasoning",
        choice: 0,
        data: Buffer.from(textOf(fields.data)),
      });
      break;
    case "tool_use":
      openTool(blocks, index, fields);
      break;
    default:
      blocks.open[index] = block("other", "");
      blocks.mayHide = true;
  }
}

export function takeBlockDelta(blocks: Blocks, index: number, value: unknown): void {
  const open = blocks.open[index];
  if (open === undefined || !isRecord(value)) {
    return;
  }
  // Every field stays unknown, so the cast claims nothing.
  const delta = value as DeltaFields;
  switch (delta.type) {
    case "text_delta":
      if (open.kind === "text") {
        emitText(blocks, textOf(delta.text));
      }
      break;
    case "thinking_delta":
      if (open.kind === "thinking") {
        emitThinking(blocks, textOf(delta.thinking));
      }
      break;
    case "signature_delta":
      open.signature += textOf(delta.signature);
      break;
    case "input_json_delta":
      if (open.kind === "tool") {
        emitArguments(blocks, open, textOf(delta.partial_json));
      }
      break;
    default:
    // `citations_delta`, and what later versions add.
  }
}

/** Without a fragment the arguments are those of the opening: `{}` as a rule. */
export function closeBlock(blocks: Blocks, index: number): void {
  const open = blocks.open[index];
  if (open === undefined) {
    return;
  }
  blocks.open[index] = undefined;
  if (open.kind === "tool" && !open.hasArguments) {
    emitArguments(blocks, open, open.input);
  }
  if (open.kind === "thinking" && open.signature !== "") {
    blocks.emit({
      kind: "reasoning-signature",
      choice: 0,
      signature: Buffer.from(open.signature),
    });
  }
}

/** Closes what the provider left open. */
export function closeBlocks(blocks: Blocks): void {
  for (let index = 0; index < blocks.open.length; index += 1) {
    closeBlock(blocks, index);
  }
}

function block(kind: Block["kind"], signature: string): Block {
  return { kind, tool: -1, input: "", hasArguments: false, signature };
}

function openTool(blocks: Blocks, index: number, fields: BlockFields): void {
  const tool = blocks.tools;
  blocks.tools += 1;
  blocks.hasContent = true;
  const input = isRecord(fields.input) ? JSON.stringify(fields.input) : "{}";
  blocks.open[index] = { kind: "tool", tool, input, hasArguments: false, signature: "" };
  blocks.emit({
    kind: "tool-call-delta",
    choice: 0,
    tool,
    id: textOf(fields.id),
    name: textOf(fields.name),
    argumentsFragment: "",
  });
}

function emitText(blocks: Blocks, text: string): void {
  if (text !== "") {
    blocks.hasContent = true;
    blocks.emit({ kind: "text-delta", choice: 0, text });
  }
}

function emitThinking(blocks: Blocks, text: string): void {
  if (text !== "") {
    blocks.hasContent = true;
    blocks.emit({ kind: "reasoning-delta", choice: 0, text });
  }
}

function emitArguments(blocks: Blocks, open: Block, text: string): void {
  if (text !== "") {
    open.hasArguments = true;
    blocks.emit({
      kind: "tool-call-delta",
      choice: 0,
      tool: open.tool,
      id: "",
      name: "",
      argumentsFragment: text,
    });
  }
}
