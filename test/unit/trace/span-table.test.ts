import { expect, test } from "vitest";
import { SUCCESS } from "../../../src/domain/outcome.ts";
import type { Candidate } from "../../../src/domain/plan.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { Span } from "../../../src/domain/trace.ts";
import { busAttributes, busSpans } from "../../../src/health/bus-spans.ts";
import { attributeNamesOf, attributeTable } from "../../../src/trace/attribute-table.ts";
import { createCallSpans } from "../../../src/trace/call-spans.ts";
import { createProbeSpans } from "../../../src/trace/probe-spans.ts";
import { type SpanDefinition, type SpanId, spanTable } from "../../../src/trace/span-table.ts";
import {
  exampleCall,
  exampleEndpoint,
  examplePlan,
  exampleSpec,
  exampleTrace,
} from "../../support/examples.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import {
  endpoint,
  exampleAttempt,
  exampleRefusal,
  exampleResult,
  exampleRpcEnd,
  timings,
  usage,
} from "./call-fixture.ts";

const definitions: readonly SpanDefinition[] = Object.values(spanTable);

test("every attribute is on some span, and none is listed twice on one", () => {
  const used = new Set(definitions.flatMap(({ attributes }) => attributes));
  expect(Object.keys(attributeTable).filter((id) => !(used as Set<string>).has(id))).toEqual([]);
  const doubled = definitions.filter(
    ({ attributes }) => new Set(attributes).size !== attributes.length,
  );
  expect(doubled).toEqual([]);
});

test("every span has a name of its own, and a parent that is in the table or the caller", () => {
  expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length);
  const known = new Set([...Object.keys(spanTable), "caller"]);
  const parents = definitions.map(({ parent }) => parent.split(",")[0] ?? "");
  expect(parents.filter((parent) => !known.has(parent))).toEqual([]);
});

const candidate = { rejections: [{ reason: "disabled", detail: "", soft: false }] };

/** The rest of a candidate says nothing here. */
const error = new RouterError("no-eligible-endpoint", "", {
  candidates: [candidate] as unknown as Candidate[],
});

function fullCall() {
  const { messages, sampling } = exampleSpec();
  const parts = [{ kind: "text" as const, text: "be brief", cacheBreakpoint: false }];
  const tool = { name: "look", description: "", parametersJsonSchema: "{}", strict: undefined };
  const choice = { index: 0, parts, rawFinishReason: "", stopSequence: "", logprobs: [] };
  return exampleCall({
    trace: exampleTrace({ sampled: true, keep: true }),
    policy: { ...defaultPolicy, operation: "support.reply" },
    caller: { application: "desk", endUserHash: "", labels: {} },
    spec: exampleSpec({
      messages: [{ role: "system", name: "", parts }, ...messages],
      tools: [tool],
      sampling: {
        ...sampling,
        candidateCount: 2,
        seed: 7n,
        temperature: 1,
        topP: 1,
        topK: 1,
        maxOutputTokens: 1,
        frequencyPenalty: 1,
        presencePenalty: 1,
        stop: ["end"],
      },
    }),
    answer: () => [{ ...choice, finishReason: "stop" }],
  });
}

/** Broke off behind a fallback, with everything known that there is. */
function fullResult() {
  const { decision } = examplePlan(endpoint, exampleEndpoint("b/one"));
  const outcome = { kind: "server-error", message: "" } as const;
  const told = {
    droppedParameters: ["seed"],
    finishReasons: ["stop"],
    outcome,
    givenUpCost: { total: 1, input: 1, output: 0, cache: 0, request: 0 },
  } as const;
  return exampleResult({
    decision: {
      ...decision,
      relaxations: ["panic"],
      scoreAgeMs: 1,
      estimatedCost: { ...decision.estimatedCost, total: 1 },
    },
    attempts: [exampleAttempt(told), exampleAttempt({ ...told, number: 2 })],
    timings: { ...timings, queue: 1, failedAttempts: 1 },
    partial: true,
    error,
  });
}

/** All the spans of that kind, of a call with everything, of a refused one, of a repeat and of a probe. */
async function toldBy(id: SpanId) {
  const spans: ShownSpan[] = [];
  const options = {
    sink: (span: Span) => void spans.push(shownSpan(span)),
    nowMs: () => 0,
    names: attributeNamesOf(undefined),
    serverOf: () => ({ host: "h", port: 1 }),
  };
  const { finished, rpc } = createCallSpans({
    ...options,
    slowMs: () => 1_000,
    keptPerSecond: () => 0,
    content: () => ({ redact: [] }),
  });
  const call = fullCall();
  finished(call, fullResult());
  finished(call, exampleRefusal({ error }));
  rpc(exampleRpcEnd({ trace: call.trace, status: "INTERNAL", reason: "WHY", repeats: call.trace }));
  const probe = createProbeSpans({
    ...options,
    beginTrace: () => exampleTrace({ keep: true }),
    async upstream({ emit }) {
      emit({ kind: "usage", usage });
      return SUCCESS;
    },
  });
  const { spec } = exampleCall();
  const { signal } = new AbortController();
  await probe({ endpoint, spec, stream: true, emit: () => undefined, signal });
  const prefix = spanTable[id].name.split("{")[0] ?? "";
  const isRpc = id === "rpc";
  return spans.filter(({ name, kind }) =>
    isRpc ? kind === "server" : kind !== "server" && name.startsWith(prefix),
  );
}

test.each<{ readonly id: SpanId }>([
  { id: "complete" },
  { id: "plan" },
  { id: "attempt" },
  { id: "rpc" },
])(
  "the span $id has the attributes, events and kind of the table and no others",
  async ({ id }) => {
    const spans = await toldBy(id);
    const { attributes, kind, events } = spanTable[id];
    const listed = attributes.map((name) => attributeTable[name].key as string);
    const told = spans.flatMap((span) => Object.keys(span.attributes));
    expect(new Set(told)).toEqual(new Set(listed));
    expect(spans[0]).toMatchObject({ kind, events: events.map(({ name }) => ({ name })) });
  },
);

test("the spans of the health reports have the names of the table, and only its attributes", () => {
  const { publish, process, apply } = spanTable;
  expect({ publish: publish.name, process: process.name, apply: apply.name }).toEqual(busSpans);
  const listed = [publish, process, apply].flatMap(({ attributes }) =>
    attributes.map((id) => attributeTable[id].key as string),
  );
  expect(new Set(listed)).toEqual(new Set(Object.values(busAttributes)));
});
