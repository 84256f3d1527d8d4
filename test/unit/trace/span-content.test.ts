import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AnswerChoice } from "../../../src/domain/answer.ts";
import type { ContentPart, FunctionTool, Message, Role } from "../../../src/domain/completion.ts";
import type { SpanAttributesDraft } from "../../../src/domain/trace.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { type ContentSettings, putContent } from "../../../src/trace/span-content.ts";
import { exampleSpec } from "../../support/examples.ts";
import { shownAttributes } from "../../support/shown-span.ts";

type PartOf<Part> = Part extends ContentPart ? Omit<Part, "cacheBreakpoint"> : never;

function message(role: Role, ...parts: readonly PartOf<ContentPart>[]): Message {
  return { role, name: "", parts: parts.map((part) => ({ ...part, cacheBreakpoint: false })) };
}

const text = (words: string) => ({ kind: "text" as const, text: words });

type Written = {
  readonly stop?: readonly string[];
  readonly messages?: readonly Message[];
  readonly tools?: readonly FunctionTool[];
  readonly choices?: readonly AnswerChoice[];
  readonly settings?: ContentSettings;
};

function write(written: Written) {
  const { messages = [], tools = [], stop = [], choices, settings = { redact: [] } } = written;
  const { sampling } = exampleSpec();
  const draft: SpanAttributesDraft = [];
  putContent(
    draft,
    {
      spec: exampleSpec({ messages, tools, sampling: { ...sampling, stop } }),
      answer: choices === undefined ? undefined : () => choices,
    },
    settings,
    attributeNamesOf(undefined),
  );
  const attributes = shownAttributes(draft);
  const read = (key: string) =>
    attributes[key] === undefined ? undefined : JSON.parse(String(attributes[key]));
  return {
    attributes,
    input: read("gen_ai.input.messages"),
    system: read("gen_ai.system_instructions"),
    output: read("gen_ai.output.messages"),
    tools: read("gen_ai.tool.definitions"),
  };
}

function choice(changes: Partial<AnswerChoice>): AnswerChoice {
  return {
    index: 0,
    parts: [],
    finishReason: "stop",
    rawFinishReason: "stop",
    stopSequence: "",
    logprobs: [],
    ...changes,
  };
}

describe("putContent()", () => {
  test("tells what leads the prompt apart from its turns", () => {
    const { system, input } = write({
      messages: [
        message("system", text("be kind")),
        message("developer", text("and brief")),
        { ...message("user", text("hi")), name: "ann" },
        message("system", text("later")),
      ],
    });
    expect(system).toEqual([
      { type: "text", content: "be kind" },
      { type: "text", content: "and brief" },
    ]);
    expect(input).toEqual([
      { role: "user", name: "ann", parts: [{ type: "text", content: "hi" }] },
      { role: "system", parts: [{ type: "text", content: "later" }] },
    ]);
  });

  test("takes instructions alone", () => {
    expect(write({ messages: [message("system", text("be"))] })).toMatchObject({
      system: [{ type: "text", content: "be" }],
      input: undefined,
    });
  });

  test("writes every kind of part, and no bytes of media", () => {
    const media = { kind: "media" as const, modality: "image" as const, detail: "", filename: "" };
    const { input, attributes } = write({
      messages: [
        message(
          "user",
          { ...media, mimeType: "image/png", source: { kind: "url", url: "https://i.test/a" } },
          { ...media, mimeType: "", source: { kind: "data", data: Buffer.from("canary") } },
          { ...media, mimeType: "", source: { kind: "file-id", fileId: "f1" } },
        ),
        message(
          "assistant",
          { kind: "reasoning", text: "hm", signature: Buffer.from("canary"), redacted: false },
          { kind: "refusal", text: "no" },
          { kind: "tool-call", id: "c1", name: "look", argumentsJson: '{"a":1}' },
        ),
        message("tool", {
          kind: "tool-result",
          toolCallId: "c1",
          parts: [text("found")],
          isError: false,
        }),
      ],
    });
    expect(input).toEqual([
      {
        role: "user",
        parts: [
          { type: "uri", modality: "image", mime_type: "image/png", uri: "https://i.test/a" },
          { type: "blob", modality: "image", mime_type: "", bytes: 6 },
          { type: "file", modality: "image", mime_type: "", file_id: "f1" },
        ],
      },
      {
        role: "assistant",
        parts: [
          { type: "reasoning", content: "hm" },
          { type: "refusal", content: "no" },
          { type: "tool_call", id: "c1", name: "look", arguments: '{"a":1}' },
        ],
      },
      {
        role: "tool",
        parts: [
          { type: "tool_call_response", id: "c1", response: [{ type: "text", content: "found" }] },
        ],
      },
    ]);
    expect(JSON.stringify(attributes)).not.toContain("canary");
  });

  test("writes the answer with its ends, and tools", () => {
    const { output, tools } = write({
      tools: [
        { name: "look", description: "Looks.", parametersJsonSchema: "{}", strict: undefined },
      ],
      choices: [
        choice({ parts: [{ ...text("yes"), cacheBreakpoint: false }] }),
        choice({ index: 1, finishReason: undefined }),
      ],
    });
    expect(output).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "yes" }], finish_reason: "stop" },
      { role: "assistant", parts: [], finish_reason: "error" },
    ]);
    expect(tools).toEqual([
      { type: "function", name: "look", description: "Looks.", parameters: "{}" },
    ]);
  });

  test("leaves out what there is not", () => {
    const { attributes } = write({ choices: [choice({ finishReason: undefined })] });
    expect(Object.keys(attributes)).toEqual(["gen_ai.output.messages"]);
    expect(write({}).attributes).toEqual({});
  });
});

describe("texts that end the answer", () => {
  test("are written as a list, masked and cut like any other", () => {
    const stop = ["END", "card 4111-2222", "x".repeat(20)];
    const settings = { redact: [/4111-\d+/gu], maxChars: 25 };
    const { attributes } = write({ stop, settings });
    expect(attributes["gen_ai.request.stop_sequences"]).toEqual([
      "END",
      "card [redacted]",
      `${"x".repeat(7)}…`,
    ]);
  });

  test("are left out when there are none", () => {
    expect(write({}).attributes["gen_ai.request.stop_sequences"]).toBeUndefined();
  });
});

describe("what is masked", () => {
  const redact = [/\d{4}-\d{4}/giu, /secret\w*/giu];

  test("is every match in every text", () => {
    const { attributes } = write({
      messages: [
        message("system", text("SECRETS and 1234-5678")),
        message("user", text("1111-2222, 3333-4444"), {
          kind: "tool-call",
          id: "secret1",
          name: "secret2",
          argumentsJson: '{"card":"1234-5678"}',
        }),
      ],
      tools: [
        {
          name: "secret3",
          description: "secret4",
          parametersJsonSchema: '"secret5"',
          strict: false,
        },
      ],
      choices: [choice({ parts: [{ ...text("secret6"), cacheBreakpoint: false }] })],
      settings: { redact },
    });
    expect(JSON.stringify(attributes)).not.toMatch(/secret\d|\d{4}-\d{4}/i);
    expect(attributes["gen_ai.input.messages"]).toContain("[redacted], [redacted]");
  });

  test("is masked where only the beginning of a long text is looked at", () => {
    // Masking makes the text shorter, so that what was only half looked at comes within the limit.
    for (let at = 0; at < 10; at += 1) {
      const long = `${"x".repeat(1_040 + at)}secret and more`;
      const { input } = write({
        messages: [message("user", text(long))],
        settings: { redact: [/x+|secret/giu], maxChars: 100 },
      });
      expect(JSON.stringify(input)).not.toMatch(/secr/);
    }
  });

  test("is masked before the text is cut", () => {
    for (let at = 80; at < 110; at += 1) {
      const long = `${"x".repeat(at)}secretsecretsecret${"y".repeat(5_000)}`;
      const { input } = write({
        messages: [message("user", text(long))],
        settings: { redact, maxChars: 150 },
      });
      expect(JSON.stringify(input)).not.toContain("secret");
    }
  });
});

describe("what is cut", () => {
  test("ends in an ellipsis, and messages that find no room are left out", () => {
    const { input } = write({
      messages: [message("user", text("x".repeat(500))), message("user", text("never"))],
      settings: { redact: [], maxChars: 200 },
    });
    expect(input).toEqual([
      { role: "user", parts: [{ type: "text", content: `${"x".repeat(150)}…` }] },
    ]);
  });

  test("is bounded and valid JSON, however long the prompt is", () => {
    const words = fc.array(
      fc.array(fc.string({ unit: "binary", maxLength: 300 }), { maxLength: 5 }),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(words, fc.integer({ min: 0, max: 2_000 }), (turns, maxChars) => {
        const messages = turns.map((parts) => message("user", ...parts.map(text)));
        const { input } = write({ messages, settings: { redact: [/a/giu], maxChars } });
        const shown = (input ?? []) as readonly { parts: readonly { content: string }[] }[];
        const contents = shown.flatMap(({ parts }) => parts.map(({ content }) => content));
        const length = contents.reduce((sum, content) => sum + content.length, 0);
        expect(length).toBeLessThanOrEqual(maxChars + contents.length);
      }),
      { seed: 4, numRuns: 40 },
    );
  });
});

describe("a message of many parts", () => {
  test("is cut where the attribute is full", () => {
    const parts = Array.from({ length: 100_000 }, () => text("a"));
    const { attributes, input } = write({ messages: [message("user", ...parts)] });
    expect(String(attributes["gen_ai.input.messages"]).length).toBeLessThan(60_000);
    expect(input[0].parts.length).toBeGreaterThan(500);
  });
});

describe("a secret that is longer than what is shown", () => {
  const key = `-----BEGIN KEY-----${"k".repeat(4_000)}-----END KEY-----`;
  const redact = [/-----BEGIN[\s\S]*?END KEY-----/giu];

  test("is masked before anything is cut", () => {
    const settings = { redact, maxChars: 1_000 };
    const { attributes } = write({
      messages: [message("user", text(`${"a".repeat(900)}${key}`))],
      settings,
    });
    expect(String(attributes["gen_ai.input.messages"])).not.toContain("BEGIN");
    expect(String(attributes["gen_ai.input.messages"])).toContain("[redacted]");
  });

  test("is not shown in a text too long to look through", () => {
    const { input } = write({
      messages: [message("user", text(`${key}${"a".repeat(262_144)}`))],
      settings: { redact },
    });
    expect(input[0].parts).toEqual([{ type: "text", content: "…" }]);
  });
});
