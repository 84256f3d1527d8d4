import { fileURLToPath } from "node:url";
import { loadSync, type MessageTypeDefinition } from "@grpc/proto-loader";

export type DecodedTraces = {
  readonly resource_spans: readonly {
    readonly resource: { readonly attributes: readonly DecodedAttribute[] };
    readonly scope_spans: readonly {
      readonly scope: object;
      readonly spans: readonly DecodedSpan[];
    }[];
    readonly schema_url: string;
  }[];
};

export type DecodedAttribute = { readonly key: string; readonly value: object | null };

export type DecodedSpan = {
  readonly attributes: readonly DecodedAttribute[];
  readonly events: readonly { readonly attributes: readonly DecodedAttribute[] }[];
  readonly status: object | null;
} & Readonly<Record<string, unknown>>;

const definition = loadSync(fileURLToPath(new URL("otlp-trace.proto", import.meta.url)), {
  keepCase: true,
  longs: String,
  enums: String,
  bytes: String,
  defaults: true,
  oneofs: true,
});

/** What proto-loader makes of a message of the file. */
const request = definition[
  "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest"
] as MessageTypeDefinition<object, object>;

/** A request with every field of each message: those that did not come are at their default. */
export function decodeTraces(bytes: Uint8Array): DecodedTraces {
  return request.deserialize(Buffer.from(bytes)) as DecodedTraces;
}

/** The spans alone. That nothing is said of the status is that it is unset. */
export function decodeSpans(bytes: Uint8Array): readonly DecodedSpan[] {
  return decodeTraces(bytes)
    .resource_spans.flatMap(({ scope_spans }) => scope_spans)
    .flatMap(({ spans }) => spans)
    .map((span) => ({ ...span, status: span.status ?? { message: "", code: "UNSET" } }));
}
