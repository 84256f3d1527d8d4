import type { AttributeValue, Span, SpanAttributes } from "../../src/domain/trace.ts";

type ShownAttributes = Readonly<Record<string, AttributeValue>>;

export type ShownSpan = Omit<Span, "attributes" | "events"> & {
  readonly attributes: ShownAttributes;
  readonly events: readonly {
    readonly name: string;
    readonly atMs: number;
    readonly attributes: ShownAttributes;
  }[];
};

/** A span with its attributes by their keys. */
export function shownSpan(span: Span): ShownSpan {
  return {
    ...span,
    attributes: shownAttributes(span.attributes),
    events: span.events.map((event) => ({
      ...event,
      attributes: shownAttributes(event.attributes),
    })),
  };
}

/** Throws when a key is told twice. */
export function shownAttributes(attributes: SpanAttributes): ShownAttributes {
  const shown = Object.fromEntries(attributes.map(({ key, value }) => [key, value]));
  if (Object.keys(shown).length !== attributes.length) {
    throw new Error(`a key is told twice: ${attributes.map(({ key }) => key).join(", ")}`);
  }
  return shown;
}
