import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ContentPart, Message } from "../../../../src/domain/completion.ts";
import { parameters } from "../../../../src/domain/parameters.ts";
import { encodeMessages } from "../../../../src/upstream/anthropic/encode-message.ts";
import { UnencodableRequest } from "../../../../src/upstream/unencodable-request.ts";
import { decodeWhole } from "../../../fixtures/upstream/decode.ts";

const takes = new Set(parameters);
const text = (value: string, cacheBreakpoint = false): ContentPart => ({
  kind: "text",
  text: value,
  cacheBreakpoint,
});
const message = (role: Message["role"], ...parts: readonly ContentPart[]): Message => ({
  role,
  name: "",
  parts,
});

function encode(...messages: readonly Message[]) {
  const { messages: turns, system } = encodeMessages(messages, takes);
  return { turns: JSON.parse(turns), system: system && JSON.parse(system) };
}

function blockOf(part: ContentPart) {
  return encode(message("user", part)).turns[0]?.content[0];
}

const media = (changes: object): ContentPart =>
  ({
    kind: "media",
    modality: "image",
    mimeType: "",
    source: { kind: "data", data: Uint8Array.of(104, 105) },
    detail: "",
    filename: "",
    cacheBreakpoint: false,
    ...changes,
  }) as ContentPart;
const call = (argumentsJson: string): ContentPart => ({
  kind: "tool-call",
  id: "t",
  name: "f",
  argumentsJson,
  cacheBreakpoint: false,
});
const result = (parts: readonly object[], isError = false): ContentPart =>
  ({ kind: "tool-result", toolCallId: "t", parts, isError, cacheBreakpoint: false }) as ContentPart;
const reasoning = (changes: object): ContentPart =>
  ({
    kind: "reasoning",
    text: "hm",
    signature: Buffer.from("sig"),
    redacted: false,
    cacheBreakpoint: false,
    ...changes,
  }) as ContentPart;

describe("encodeMessages()", () => {
  it("sets instructions apart, wherever they stand", () => {
    expect(
      encode(
        message("system", text("a")),
        message("user", text("b")),
        message("developer", text("c")),
      ),
    ).toEqual({
      system: [
        { type: "text", text: "a" },
        { type: "text", text: "c" },
      ],
      turns: [{ role: "user", content: [{ type: "text", text: "b" }] }],
    });
  });

  it("makes one turn of neighbours of one role, results of tools among them", () => {
    const { turns } = encode(
      message("user", text("q")),
      message("assistant", call("{}")),
      message("assistant", text("and")),
      message("tool", result([{ kind: "text", text: "r" }])),
      message("user", text("go on")),
    );
    expect(turns.map(({ role }: { role: string }) => role)).toEqual(["user", "assistant", "user"]);
    expect(turns[2].content).toEqual([
      { type: "tool_result", tool_use_id: "t", content: [{ type: "text", text: "r" }] },
      { type: "text", text: "go on" },
    ]);
  });

  it("leaves out empty text and what becomes empty without it", () => {
    expect(encode(message("user", text("")), message("user", text("a"))).turns).toHaveLength(1);
    expect(encode(message("system", text(""))).system).toBeUndefined();
  });

  it.each([
    ['{"a": 12345678901234567890}', '"input":{"a": 12345678901234567890}'],
    ["", '"input":{}'],
    ["{broken", '"input":{"invalid_arguments":"{broken"}'],
    ["[1]", '"input":{"invalid_arguments":"[1]"}'],
    ['{}},"x":{', '"input":{"invalid_arguments":"{}},\\"x\\":{"}'],
  ])("sends the arguments %j", (argumentsJson, encoded) => {
    expect(encodeMessages([message("assistant", call(argumentsJson))], takes).messages).toContain(
      encoded,
    );
  });

  it("sends failed results, results with pictures and results of nothing", () => {
    expect(blockOf(result([], true))).toEqual({
      type: "tool_result",
      tool_use_id: "t",
      is_error: true,
    });
    expect(blockOf(result([media({})])).content).toEqual([
      { type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } },
    ]);
  });

  it.each([
    [
      { source: { kind: "url", url: "https://a.example" } },
      { type: "image", source: { type: "url", url: "https://a.example" } },
    ],
    [
      { source: { kind: "file-id", fileId: "f" } },
      { type: "image", source: { type: "file", file_id: "f" } },
    ],
    [
      { modality: "file", filename: "a.pdf" },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "aGk=" },
        title: "a.pdf",
      },
    ],
    [
      { modality: "file", mimeType: "text/markdown" },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "hi" } },
    ],
  ])("encodes media %j", (changes, encoded) => {
    expect(blockOf(media(changes))).toEqual(encoded);
  });

  it.each(["audio", "video"])("has no place for %s", (modality) => {
    expect(() => blockOf(media({ modality }))).toThrow(UnencodableRequest);
  });

  it("hands reasoning back verbatim", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1 }),
        fc.boolean(),
        (opaque, redacted) => {
          const block = redacted
            ? { type: "redacted_thinking", data: opaque }
            : { type: "thinking", thinking: "hm", signature: opaque };
          const { events } = decodeWhole("anthropic", {
            content: [block],
            stop_reason: "end_turn",
          });
          const signature = events.flatMap((event) => {
            if (event.kind === "reasoning-signature") {
              return [event.signature];
            }
            return event.kind === "redacted-reasoning" ? [event.data] : [];
          })[0];
          expect(blockOf(reasoning({ signature, redacted }))).toEqual(block);
        },
      ),
      { seed: 5 },
    );
  });

  it("leaves out reasoning that nobody signed", () => {
    expect(encode(message("assistant", reasoning({ signature: new Uint8Array(0) }))).turns).toEqual(
      [],
    );
  });

  it("marks the last four prefixes to cache and no thinking", () => {
    const { turns, system } = encode(
      message("system", text("0", true)),
      message(
        "user",
        text("1", true),
        text("2", true),
        reasoning({ cacheBreakpoint: true }),
        text("3", true),
        text("4", true),
        text("5"),
      ),
    );
    const marked = [...system, ...turns[0].content].flatMap((block) =>
      block.cache_control === undefined ? [] : [block.text],
    );
    expect(marked).toEqual(["2", "3", "4"]);
  });
});
