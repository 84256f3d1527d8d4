import { describe, expect, it } from "vitest";
import type { ContentPart, Message } from "../../../../src/domain/completion.ts";
import { parameters } from "../../../../src/domain/parameters.ts";
import {
  encodeMessages,
  type MessageRules,
  type WireMessage,
} from "../../../../src/upstream/openai/encode-message.ts";

const rules: MessageRules = { takes: new Set(parameters), flavor: "compatible" };
const text = (value: string): ContentPart => ({
  kind: "text",
  text: value,
  cacheBreakpoint: false,
});
const media = (changes: object): ContentPart =>
  ({
    kind: "media",
    modality: "image",
    mimeType: "",
    source: { kind: "data", data: Uint8Array.of(1, 2, 3) },
    detail: "",
    filename: "",
    cacheBreakpoint: false,
    ...changes,
  }) as ContentPart;

function encode(changes: Partial<Message>, flavor: MessageRules["flavor"] = "compatible") {
  return encodeMessages([{ role: "user", name: "", parts: [], ...changes }], { ...rules, flavor });
}

function contentOf(message: WireMessage | undefined): readonly { readonly type: string }[] {
  return (message?.["content"] ?? []) as readonly { readonly type: string }[];
}

function encodeMedia(changes: object) {
  const [message] = encode({ parts: [media(changes)] });
  return contentOf(message)[0];
}

const call = (argumentsJson: string): ContentPart => ({
  kind: "tool-call",
  id: "t",
  name: "f",
  argumentsJson,
  cacheBreakpoint: false,
});

describe("encodeMessages()", () => {
  it("sends several texts as lines, and as a list to OpenAI", () => {
    const parts = [text("a"), text("b")];
    expect(encode({ parts })).toEqual([{ role: "user", content: "a\nb" }]);
    expect(encode({ parts }, "openai")).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "a" },
          { type: "text", text: "b" },
        ],
      },
    ]);
  });

  it("names developers where they are known", () => {
    const message = { role: "developer", parts: [text("a")] } as const;
    expect(encode(message, "openai")[0]?.["role"]).toBe("developer");
    expect(encode(message)[0]?.["role"]).toBe("system");
  });

  it("makes a message of each tool result, before the rest", () => {
    const result = (toolCallId: string, ...texts: readonly string[]): ContentPart => ({
      kind: "tool-result",
      toolCallId,
      parts: texts.map((value) => ({ kind: "text", text: value })),
      isError: true,
      cacheBreakpoint: false,
    });
    expect(
      encode({ role: "tool", parts: [text("more"), result("t1", "x", "y"), result("t2")] }),
    ).toEqual([
      { role: "tool", tool_call_id: "t1", content: "x\ny" },
      { role: "tool", tool_call_id: "t2", content: "" },
      { role: "user", content: "more" },
    ]);
  });

  it("sends what the assistant said, called, thought and refused", () => {
    expect(
      encode({
        role: "assistant",
        name: "bob",
        parts: [
          {
            kind: "reasoning",
            text: "hm",
            signature: new Uint8Array(0),
            redacted: false,
            cacheBreakpoint: false,
          },
          text("a"),
          call('{"x": 1}'),
          call(""),
          { kind: "refusal", text: "no", cacheBreakpoint: false },
        ],
      }),
    ).toEqual([
      {
        role: "assistant",
        name: "bob",
        content: "a",
        reasoning_content: "hm",
        refusal: "no",
        tool_calls: [
          { id: "t", type: "function", function: { name: "f", arguments: '{"x": 1}' } },
          { id: "t", type: "function", function: { name: "f", arguments: "{}" } },
        ],
      },
    ]);
  });

  it("has no content beside calls alone", () => {
    expect(encode({ role: "assistant", parts: [call("{}")] })[0]?.["content"]).toBeNull();
  });

  it("has empty content when nothing of the answer can be sent", () => {
    const parts: ContentPart[] = [{ kind: "refusal", text: "no", cacheBreakpoint: false }];
    expect(
      encodeMessages([{ role: "assistant", name: "", parts }], { ...rules, takes: new Set() }),
    ).toEqual([{ role: "assistant", content: "" }]);
  });

  it.each([
    [
      { mimeType: "image/webp" },
      { type: "image_url", image_url: { url: "data:image/webp;base64,AQID" } },
    ],
    [
      { detail: "high" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AQID", detail: "high" } },
    ],
    [
      { source: { kind: "url", url: "https://a.example" } },
      { type: "image_url", image_url: { url: "https://a.example" } },
    ],
    [
      { source: { kind: "file-id", fileId: "f1" }, filename: "a" },
      { type: "file", file: { file_id: "f1", filename: "a" } },
    ],
    [
      { modality: "audio", mimeType: "audio/mpeg" },
      { type: "input_audio", input_audio: { data: "AQID", format: "mp3" } },
    ],
    [
      { modality: "audio", mimeType: "audio/x-wav" },
      { type: "input_audio", input_audio: { data: "AQID", format: "wav" } },
    ],
    [
      { modality: "audio", mimeType: "audio/x-flac; rate=1" },
      { type: "input_audio", input_audio: { data: "AQID", format: "flac" } },
    ],
    [
      { modality: "audio", source: { kind: "url", url: "https://a.example" } },
      { type: "audio_url", audio_url: { url: "https://a.example" } },
    ],
    [
      { modality: "video" },
      { type: "video_url", video_url: { url: "data:video/mp4;base64,AQID" } },
    ],
    [
      { modality: "file", filename: "a.pdf" },
      { type: "file", file: { file_data: "data:application/pdf;base64,AQID", filename: "a.pdf" } },
    ],
    [
      { modality: "file", source: { kind: "url", url: "https://a.example" } },
      { type: "file", file: { file_data: "https://a.example" } },
    ],
  ])("encodes media %j", (changes, encoded) => {
    expect(encodeMedia(changes)).toEqual(encoded);
  });

  it("keeps text beside media in order", () => {
    const [message] = encode({ parts: [text("a"), media({}), text("b")] });
    expect(contentOf(message).map(({ type }) => type)).toEqual(["text", "image_url", "text"]);
  });
});
