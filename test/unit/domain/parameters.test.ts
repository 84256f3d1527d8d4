import { describe, expect, it } from "vitest";
import type { CompletionSpec, ContentPart, Message } from "../../../src/domain/completion.ts";
import type { Dialect } from "../../../src/domain/endpoint.ts";
import {
  dialectParameters,
  essentialParameters,
  type Parameter,
  parameters,
  parametersOf,
} from "../../../src/domain/parameters.ts";
import { anthropicMessages } from "../../../src/upstream/anthropic/dialect.ts";
import { openaiChat } from "../../../src/upstream/openai/dialect.ts";
import { exampleEndpoint, exampleSpec } from "../../support/examples.ts";

const adapters = { "openai-chat": openaiChat, "anthropic-messages": anthropicMessages } as const;

const text = (value: string): ContentPart => ({
  kind: "text",
  text: value,
  cacheBreakpoint: false,
});
const user = (...parts: readonly ContentPart[]): Message => ({ role: "user", name: "", parts });
const image = (source: object, changes: object = {}): ContentPart =>
  ({
    kind: "media",
    modality: "image",
    mimeType: "image/png",
    source,
    detail: "",
    filename: "",
    cacheBreakpoint: false,
    ...changes,
  }) as ContentPart;
const url = { kind: "url", url: "https://pictures.example/1.png" };
const data = { kind: "data", data: Uint8Array.of(1, 2) };

const spec = exampleSpec();
const sampling = (changes: Partial<CompletionSpec["sampling"]>): Partial<CompletionSpec> => ({
  sampling: { ...spec.sampling, ...changes },
});
const tool = {
  name: "f",
  description: "",
  parametersJsonSchema: '{"type":"object"}',
  strict: undefined,
};
const jsonSchema = (strict: boolean | undefined): Partial<CompletionSpec> => ({
  responseFormat: { kind: "json-schema", name: "n", schemaJson: "{}", strict },
});
const reasoning = (changes: object): Partial<CompletionSpec> => ({
  reasoning: { effort: undefined, maxTokens: undefined, includeInResponse: true, ...changes },
});
const noTools: Partial<CompletionSpec> = {
  toolChoice: { kind: "required" },
  parallelToolCalls: false,
};
const says = (...messages: readonly Message[]): Partial<CompletionSpec> => ({
  messages: [user(text("q")), ...messages],
});
const call: Message = {
  role: "assistant",
  name: "",
  parts: [{ kind: "tool-call", id: "t", name: "f", argumentsJson: "{}", cacheBreakpoint: false }],
};
const result = (changes: object): Message => ({
  role: "tool",
  name: "",
  parts: [
    {
      kind: "tool-result",
      toolCallId: "t",
      parts: [{ kind: "text", text: "r" }],
      isError: false,
      cacheBreakpoint: false,
      ...changes,
    },
  ],
});
const answer = (...parts: readonly ContentPart[]): Message => ({
  role: "assistant",
  name: "",
  parts: [text("a"), ...parts],
});
const file = (filename: string) =>
  image(data, { modality: "file", mimeType: "application/pdf", filename });

type Pair = readonly [without: Partial<CompletionSpec>, withIt: Partial<CompletionSpec>];

/** Two calls that differ in the parameter alone. */
const pairs: Readonly<Record<Parameter, Pair>> = {
  temperature: [{}, sampling({ temperature: 0.5 })],
  top_p: [{}, sampling({ topP: 0.5 })],
  top_k: [{}, sampling({ topK: 5 })],
  min_p: [{}, sampling({ minP: 0.5 })],
  max_output_tokens: [{}, sampling({ maxOutputTokens: 5 })],
  stop: [{}, sampling({ stop: ["x"] })],
  seed: [{}, sampling({ seed: 5n })],
  frequency_penalty: [{}, sampling({ frequencyPenalty: 0.5 })],
  presence_penalty: [{}, sampling({ presencePenalty: 0.5 })],
  repetition_penalty: [{}, sampling({ repetitionPenalty: 1.5 })],
  candidate_count: [{}, sampling({ candidateCount: 2 })],
  top_logprobs: [{}, sampling({ topLogprobs: 2 })],
  tools: [{}, { tools: [tool] }],
  tool_choice: [{ tools: [tool] }, { tools: [tool], toolChoice: { kind: "required" } }],
  parallel_tool_calls: [{ tools: [tool] }, { tools: [tool], parallelToolCalls: false }],
  tool_strict: [{ tools: [tool] }, { tools: [{ ...tool, strict: true }] }],
  response_format_json_object: [{}, { responseFormat: { kind: "json-object" } }],
  response_format_json_schema: [{}, jsonSchema(undefined)],
  response_format_strict: [jsonSchema(undefined), jsonSchema(true)],
  reasoning_effort: [{}, reasoning({ effort: "high" })],
  reasoning_max_tokens: [{}, reasoning({ maxTokens: 2_000 })],
  provider_extensions: [{}, { providerExtensions: { extra: 1 } }],
  message_name: [says(answer()), says({ ...answer(), name: "bob" })],
  media_detail: [says(user(image(url))), says(user(image(url, { detail: "low" })))],
  media_filename: [says(user(file(""))), says(user(file("a.pdf")))],
  media_url: [says(user(text("p"))), says(user(text("p"), image(url)))],
  media_data: [says(user(text("p"))), says(user(text("p"), image(data)))],
  media_file_id: [
    says(user(text("p"))),
    says(user(text("p"), image({ kind: "file-id", fileId: "file_1" }))),
  ],
  tool_result_media: [
    says(call, result({})),
    says(call, result({ parts: [{ kind: "text", text: "r" }, image(data)] })),
  ],
  tool_result_error: [says(call, result({})), says(call, result({ isError: true }))],
  reasoning_history: [
    says(answer()),
    says(
      answer({
        kind: "reasoning",
        text: "hm",
        signature: Uint8Array.of(65),
        redacted: false,
        cacheBreakpoint: false,
      }),
    ),
  ],
  refusal_history: [
    says(answer()),
    says(answer({ kind: "refusal", text: "no", cacheBreakpoint: false })),
  ],
  cache_breakpoint: [
    says(user(text("p"))),
    says(user({ kind: "text", text: "p", cacheBreakpoint: true })),
  ],
};

const dialects: readonly Dialect[] = ["openai-chat", "anthropic-messages"];
const cases = dialects.flatMap((dialect) =>
  parameters.map((name) => ({ dialect, name, carried: dialectParameters[dialect].has(name) })),
);

function encode(dialect: Dialect, takes: Iterable<Parameter>, changes: Partial<CompletionSpec>) {
  return adapters[dialect].encodeRequest({
    endpoint: exampleEndpoint("acme/one", { dialect, parameters: new Set(takes) }),
    spec: { ...spec, ...changes },
    stream: true,
    flavor: "compatible",
  });
}

describe("dialectParameters", () => {
  it.each(cases)("$dialect carries $name: $carried", ({ dialect, name, carried }) => {
    const [without, withIt] = pairs[name];
    const differs = encode(dialect, parameters, without) !== encode(dialect, parameters, withIt);
    expect(differs).toBe(carried);
  });

  it.each(cases)("$dialect leaves $name out where the endpoint lacks it", ({ dialect, name }) => {
    const [without, withIt] = pairs[name];
    const others = parameters.filter((other) => other !== name);
    expect(encode(dialect, others, withIt)).toBe(encode(dialect, others, without));
  });
});

describe("parametersOf()", () => {
  const used = (changes: Partial<CompletionSpec>) => parametersOf({ ...spec, ...changes });

  it("finds none in a plain call", () => {
    expect(used({})).toEqual([]);
  });

  it.each(parameters)("finds %s, and nothing else that the call does not use", (name) => {
    const [without, withIt] = pairs[name];
    expect(used(without)).not.toContain(name);
    expect(used(withIt).filter((each) => !used(without).includes(each))).toEqual([name]);
  });

  it.each([
    { what: "one candidate", changes: sampling({ candidateCount: 1 }) },
    { what: "an empty reasoning configuration", changes: reasoning({}) },
    { what: "how to use tools that are not there", changes: noTools },
  ])("does not count $what", ({ changes }) => {
    expect(used(changes)).toEqual([]);
  });

  it("does not count the tool choice that every endpoint takes anyway", () => {
    const changes = { tools: [tool], toolChoice: { kind: "auto" } } as const;
    expect(used(changes)).toEqual(["tools"]);
  });
});

describe("essentialParameters", () => {
  it("are parameters that some dialect carries", () => {
    const carried = dialects.flatMap((dialect) => [...dialectParameters[dialect]]);
    expect([...essentialParameters].filter((name) => !carried.includes(name))).toEqual([]);
  });
});
