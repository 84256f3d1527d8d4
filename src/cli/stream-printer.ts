import type {
  ContentDelta,
  FinishReason,
  RouteSwitched,
  StreamCompleteResponse,
  StreamFinished,
  ToolCallDelta,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { Output } from "./cli-world.ts";
import { type AnswerSummary, formatFailure, formatToolCall } from "./format-answer.ts";
import type { Paint } from "./paint.ts";
import { printableText } from "./printable-text.ts";

/** Shows a stream to a person: the answer on one output, everything about it on the other. */
export type StreamPrinter = {
  take(event: StreamCompleteResponse): void;
  /** Writes what was held back and ends the line. To be called once, also after a failure. */
  end(): void;
  /** Absent until the stream's last message has come. */
  summary(): AnswerSummary | undefined;
};

export type StreamPrinterOptions = {
  readonly answer: Output;
  readonly notes: Output;
  readonly notesPaint: Paint;
};

/** What is known of one answer and not written yet. */
type Draft = { text: string; readonly tools: { name: string; argumentsJson: string }[] };

/**
 * The first answer is written as it comes. Others would tear it apart, so they follow at the end, and
 * so do tool calls, whose fragments mean nothing alone.
 */
export function createStreamPrinter(options: StreamPrinterOptions): StreamPrinter {
  const { answer, notes, notesPaint } = options;
  const drafts: Draft[] = [];
  const finishReasons: FinishReason[] = [];
  let finished: StreamFinished | undefined;
  let id = "";
  const text = lineWriter(answer);
  const reasoning = lineWriter(notes);

  function takeContent({ choiceIndex, delta }: ContentDelta): void {
    if (delta.case === "text" || delta.case === "refusal") {
      reasoning.endLine();
      if (choiceIndex === 0) {
        text.write(delta.value);
      } else {
        draftOf(drafts, choiceIndex).text += delta.value;
      }
    }
    if (delta.case === "reasoning" && choiceIndex === 0) {
      reasoning.write(delta.value, notesPaint.dim);
    }
  }

  function takeToolCall({ choiceIndex, toolIndex, name, argumentsJsonFragment }: ToolCallDelta) {
    const { tools } = draftOf(drafts, choiceIndex);
    const tool = tools[toolIndex] ?? { name, argumentsJson: "" };
    tools[toolIndex] = tool;
    tool.argumentsJson += argumentsJsonFragment;
  }

  return {
    take({ event }) {
      switch (event.case) {
        case "content":
          takeContent(event.value);
          break;
        case "toolCall":
          takeToolCall(event.value);
          break;
        case "choiceFinished":
          finishReasons.push(event.value.finishReason);
          break;
        case "routeSwitched":
          reasoning.write(switchLine(event.value), notesPaint.dim);
          break;
        case "finished":
          finished = event.value;
          break;
        case "started":
          id = event.value.id;
          break;
        case "usage":
        case "heartbeat":
        case undefined:
          break;
        default:
          event satisfies never;
      }
    },
    end() {
      reasoning.endLine();
      text.endLine();
      drafts.forEach((draft, index) => {
        writeDraft(draft, index, text);
      });
    },
    summary: () => (finished === undefined ? undefined : { ...finished, id, finishReasons }),
  };
}

function switchLine({ failed, nextEndpoint }: RouteSwitched): string {
  const why = failed === undefined ? "switched" : formatFailure(failed);
  return `${why}; trying ${nextEndpoint}\n`;
}

/** Begins one that is not there yet. */
function draftOf(drafts: Draft[], choice: number): Draft {
  const draft = drafts[choice] ?? { text: "", tools: [] };
  drafts[choice] = draft;
  return draft;
}

/** The line above an answer that is not the only one. */
export function answerHeading(index: number): string {
  return `--- answer ${index + 1} ---`;
}

type LineWriter = {
  write(text: string, paint?: (text: string) => string): void;
  endLine(): void;
};

function lineWriter(output: Output): LineWriter {
  let insideLine = false;
  return {
    write(text, paint = (it) => it) {
      if (text !== "") {
        insideLine = !text.endsWith("\n");
        output.write(paint(output.isTerminal ? printableText(text) : text));
      }
    },
    endLine() {
      if (insideLine) {
        insideLine = false;
        output.write("\n");
      }
    },
  };
}

function writeDraft({ text, tools }: Draft, index: number, writer: LineWriter): void {
  if (index > 0) {
    writer.write(`${answerHeading(index)}\n`);
  }
  writer.write(text);
  writer.endLine();
  for (const { name, argumentsJson } of tools.filter((tool) => tool !== undefined)) {
    writer.write(`${formatToolCall(name, argumentsJson)}\n`);
  }
}
