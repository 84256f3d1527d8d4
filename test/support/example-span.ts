import type { Span } from "../../src/domain/trace.ts";

/** The RPC of a caller that is traced elsewhere; lasts 12.5 ms. */
export function exampleSpan(changes: Partial<Span> = {}): Span {
  return {
    name: "atlas.v1.RouterService/Complete",
    kind: "server",
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203330",
    parentSpanId: "00f067aa0ba902b7",
    parentIsRemote: true,
    traceState: "",
    startedAtMs: 1_800_000_000_000.25,
    endedAtMs: 1_800_000_000_012.75,
    attributes: [{ key: "atlas.call.id", value: "c1" }],
    events: [],
    links: [],
    error: undefined,
    ...changes,
  };
}
