import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { FinishReason, StreamCompleteResponseSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { FailureKind } from "../../../gen/atlas/v1/types_pb.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import { createStreamPrinter } from "../../../src/cli/stream-printer.ts";
import { createMemoryOutput } from "./memory-world.ts";

type Event = NonNullable<MessageInitShape<typeof StreamCompleteResponseSchema>["event"]>;

function print(events: readonly Event[], isTerminal = false) {
  const answer = createMemoryOutput({ isTerminal });
  const notes = createMemoryOutput({ isTerminal });
  const printer = createStreamPrinter({ answer, notes, notesPaint: createPaint(isTerminal) });
  for (const event of events) {
    printer.take(create(StreamCompleteResponseSchema, { event }));
  }
  const beforeEnd = answer.text();
  printer.end();
  return { beforeEnd, answer: answer.text(), notes: notes.text(), summary: printer.summary() };
}

const text = (value: string, choiceIndex = 0): Event => ({
  case: "content",
  value: { choiceIndex, delta: { case: "text", value } },
});
const reasoning = (value: string): Event => ({
  case: "content",
  value: { delta: { case: "reasoning", value } },
});
const toolCall = (name: string, argumentsJsonFragment: string, toolIndex = 0): Event => ({
  case: "toolCall",
  value: { toolIndex, name, argumentsJsonFragment },
});

describe("createStreamPrinter()", () => {
  it("writes text as it comes and ends the line once", () => {
    const { beforeEnd, answer } = print([text("It "), text("rains.")]);
    expect(beforeEnd).toBe("It rains.");
    expect(answer).toBe("It rains.\n");
  });

  it("adds no empty line to an answer that ends with a line break", () => {
    expect(print([text("It rains.\n"), text("")]).answer).toBe("It rains.\n");
  });

  it("writes nothing for an answer without content", () => {
    expect(print([])).toMatchObject({ answer: "", notes: "" });
  });

  it("keeps further answers for the end, so that they do not tear the first one apart", () => {
    const { beforeEnd, answer } = print([text("one "), text("two", 1), text("more")]);
    expect(beforeEnd).toBe("one more");
    expect(answer).toBe("one more\n--- answer 2 ---\ntwo\n");
  });

  it("shows tool calls when their fragments are complete", () => {
    const { answer } = print([
      text("Let me see."),
      toolCall("weather", '{"at":'),
      toolCall("time", "", 2),
      toolCall("", '"Bonn"}'),
    ]);
    expect(answer).toBe('Let me see.\ntool call weather {"at":"Bonn"}\ntool call time {}\n');
  });

  it("keeps the reasoning apart from the answer, dimmed on a terminal", () => {
    const { answer, notes } = print([reasoning("Hm"), reasoning("."), text("Yes.")], true);
    expect(notes).toBe("\u001b[2mHm\u001b[22m\u001b[2m.\u001b[22m\n");
    expect(answer).toBe("Yes.\n");
  });

  it("shows a refusal like an answer", () => {
    const refusal: Event = {
      case: "content",
      value: { delta: { case: "refusal", value: "I cannot." } },
    };
    expect(print([refusal]).answer).toBe("I cannot.\n");
  });

  it("tells of an endpoint that was given up", () => {
    const { notes } = print([
      {
        case: "routeSwitched",
        value: {
          failed: { endpoint: "azure/x", failure: FailureKind.OVERLOADED, httpStatus: 529 },
          nextEndpoint: "openai/x",
        },
      },
      { case: "routeSwitched", value: { nextEndpoint: "groq/x" } },
    ]);
    expect(notes).toBe(
      "azure/x failed: overloaded 529; trying openai/x\nswitched; trying groq/x\n",
    );
  });

  it("makes escape sequences visible on a terminal and keeps every byte in a pipe", () => {
    expect(print([text("\u001b[2J")], true).answer).toBe("␛[2J\n");
    expect(print([text("\u001b[2J")], false).answer).toBe("\u001b[2J\n");
  });

  it("has a summary only when the last message has come", () => {
    const finishedChoice: Event = {
      case: "choiceFinished",
      value: { finishReason: FinishReason.LENGTH },
    };
    expect(print([text("x"), finishedChoice]).summary).toBeUndefined();
    const complete = print([finishedChoice, { case: "finished", value: { endpoint: "a" } }]);
    expect(complete.summary).toMatchObject({
      endpoint: "a",
      finishReasons: [FinishReason.LENGTH],
    });
  });

  it("ignores what says nothing to a person", () => {
    expect(
      print([
        { case: "started", value: {} },
        { case: "heartbeat", value: {} },
        { case: "usage", value: {} },
        { case: undefined },
      ]),
    ).toMatchObject({ answer: "", notes: "" });
  });
});
