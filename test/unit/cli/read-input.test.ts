import { describe, expect, it } from "vitest";
import { readCallInput, readText } from "../../../src/cli/read-input.ts";
import { UsageProblem } from "../../../src/cli/usage-problem.ts";
import { createMemoryWorld } from "./memory-world.ts";

const call = { model: "a/b", text: undefined, showReasoning: false };
const silent = { fallbacks: true };

const png = Buffer.from("\x89PNG\r\n\x1a\nrest", "latin1");

describe("readCallInput()", () => {
  it("takes the text from standard input when it is a dash", async () => {
    const world = createMemoryWorld({ files: { "-": "Hello\n" } });
    expect((await readCallInput(world, silent, { ...call, text: "-" })).text).toBe("Hello\n");
  });

  it.each([
    { name: "text", text: "", message: "the text is empty" },
    { name: "standard input", text: "-", message: "standard input is empty" },
  ])("refuses an empty $name", async ({ text, message }) => {
    const world = createMemoryWorld({ files: { "-": "" } });
    await expect(readCallInput(world, silent, { ...call, text })).rejects.toThrow(
      new UsageProblem(message),
    );
  });

  it("reads a message file in proto JSON", async () => {
    const world = createMemoryWorld({
      files: { "spec.json": '{"messages":[{"role":"ROLE_USER","parts":[{"text":"Hi"}]}]}' },
    });
    const input = await readCallInput(world, { ...silent, messageFile: "spec.json" }, call);
    expect(input.base?.messages[0]?.parts[0]?.part.value).toBe("Hi");
  });

  it("sends the text of a schema as it is", async () => {
    const text = '{"b": 1.0,\n "a": 2}';
    const world = createMemoryWorld({ files: { "schema.json": text } });
    const input = await readCallInput(world, { ...silent, jsonSchema: "schema.json" }, call);
    expect(input.schemaJson).toBe(text);
  });

  it.each([
    { mimeType: "image/png", bytes: png },
    { mimeType: "image/jpeg", bytes: Buffer.from("\xff\xd8\xff\xe0", "latin1") },
    { mimeType: "image/gif", bytes: Buffer.from("GIF89a") },
    { mimeType: "image/webp", bytes: Buffer.from("RIFF\0\0\0\0WEBPVP8 ", "latin1") },
  ])("tells $mimeType by its first bytes", async ({ mimeType, bytes }) => {
    const world = createMemoryWorld({ files: { picture: bytes } });
    const input = await readCallInput(world, { ...silent, image: ["picture"] }, call);
    expect(input.images).toEqual([{ kind: "data", mimeType, data: bytes }]);
  });

  it("leaves a URL to the provider", async () => {
    const options = { ...silent, image: ["HTTPS://example.com/a"] };
    const input = await readCallInput(createMemoryWorld(), options, call);
    expect(input.images).toEqual([{ kind: "url", url: "HTTPS://example.com/a" }]);
  });

  it.each([
    {
      name: "a file that is not there",
      files: {},
      options: { image: ["x"] },
      message: "cannot read x",
    },
    {
      name: "a file that is no image",
      files: { x: "RIFF....WAVE" },
      options: { image: ["x"] },
      message: "no PNG, JPEG, GIF or WebP image",
    },
    {
      name: "a message file with an unknown field",
      files: { x: '{"prompt":"Hi"}' },
      options: { messageFile: "x" },
      message: "no CompletionSpec in proto JSON",
    },
    {
      name: "a schema that is not JSON",
      files: { x: "{" },
      options: { jsonSchema: "x" },
      message: "x is not JSON",
    },
    {
      name: "standard input asked for twice",
      files: { "-": "Hi" },
      options: { messageFile: "-" },
      text: "-",
      message: "not both",
    },
  ])("refuses $name", async ({ files, options, text, message }) => {
    const world = createMemoryWorld({ files });
    const reading = readCallInput(world, { ...silent, ...options }, { ...call, text });
    await expect(reading).rejects.toThrow(UsageProblem);
    await expect(reading).rejects.toThrow(message);
  });
});

describe("readText()", () => {
  it("refuses what is not UTF-8", async () => {
    const world = createMemoryWorld({ files: { "-": new Uint8Array([0xff]) } });
    await expect(readText(world, "-")).rejects.toThrow("standard input is not UTF-8 text");
  });
});
