import { expect, test } from "vitest";
import type { Span } from "../../../src/domain/trace.ts";
import { busAttributes, busSpans } from "../../../src/health/bus-spans.ts";
import { attributeNamesOf, attributeTable } from "../../../src/trace/attribute-table.ts";
import { createCallSpans } from "../../../src/trace/call-spans.ts";
import { type SpanDefinition, type SpanId, spanTable } from "../../../src/trace/span-table.ts";
import { exampleCall, exampleTrace } from "../../support/examples.ts";
import { exampleResult, exampleRpcEnd } from "./call-fixture.ts";

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

test.each<{ readonly id: SpanId; readonly at: number }>([
  { id: "complete", at: 0 },
  { id: "plan", at: 1 },
  { id: "attempt", at: 2 },
  { id: "rpc", at: 3 },
])("the span $id has the attributes, events and kind of the table and no others", ({ id, at }) => {
  const spans: Span[] = [];
  const trace = exampleTrace({ sampled: true, keep: true });
  const { finished, rpc } = createCallSpans({
    sink: (span) => spans.push(span),
    slowMs: () => 1_000,
    keptPerSecond: () => 0,
    nowMs: () => 0,
    names: attributeNamesOf(undefined),
    content: () => ({ redact: [] }),
  });
  finished(exampleCall({ trace }), exampleResult());
  rpc(exampleRpcEnd({ trace }));
  const { attributes, kind, events } = spanTable[id];
  const listed = attributes.map((name) => attributeTable[name].key as string).sort();
  expect(Object.keys(spans[at]?.attributes ?? {}).sort()).toEqual(listed);
  expect(spans[at]).toMatchObject({ kind, events: events.map(({ name }) => ({ name })) });
});

test("the spans of the health reports have the names of the table, and only its attributes", () => {
  const { publish, process, apply } = spanTable;
  expect({ publish: publish.name, process: process.name, apply: apply.name }).toEqual(busSpans);
  const listed = [publish, process, apply].flatMap(({ attributes }) =>
    attributes.map((id) => attributeTable[id].key as string),
  );
  expect(new Set(listed)).toEqual(new Set(Object.values(busAttributes)));
});
