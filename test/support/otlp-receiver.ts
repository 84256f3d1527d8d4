import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import {
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { loadSync, type ServiceDefinition } from "@grpc/proto-loader";

/** What the receiver does with an export: `slow` answers after 200 ms, `hang` never, `refuse` that it will not. */
export type OtlpMood = "take" | "slow" | "hang" | "refuse";

const SLOW_MS = 200;

export type AttributeValue = string | number | boolean | readonly AttributeValue[];

export type ReceivedSpan = {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty when it has no parent. */
  readonly parentSpanId: string;
  readonly parentIsRemote: boolean;
  readonly traceState: string;
  readonly name: string;
  /** `SERVER`, `INTERNAL`. */
  readonly kind: string;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly events: readonly { readonly name: string; readonly atNs: bigint }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code: string; readonly message: string };
  readonly resource: Readonly<Record<string, AttributeValue>>;
};

export type ReceivedMetric = {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  /** `sum`, `gauge`, `histogram`. */
  readonly data: string;
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, AttributeValue>>;
    /** Of a histogram its count. */
    readonly value: number;
    readonly sum: number | undefined;
    readonly bucketCounts: readonly number[];
    readonly bounds: readonly number[];
  }[];
};

export type OtlpReceiver = {
  /** Value of `OTEL_EXPORTER_OTLP_ENDPOINT` for `http/protobuf`. */
  readonly httpUrl: string;
  /** The same for `grpc`. */
  readonly grpcUrl: string;
  readonly spans: ReceivedSpan[];
  readonly metrics: ReceivedMetric[];
  /** Headers or metadata of every export, also of those that were not taken. */
  readonly headers: Readonly<Record<string, unknown>>[];
  /** Exports over `http/json` as they came: they are not decoded further. */
  readonly documents: readonly unknown[];
  setMood(mood: OtlpMood): void;
  /** Resolves once `count` spans have come in all. */
  received(count: number): Promise<readonly ReceivedSpan[]>;
  /** Resolves once `count` exports have come in all, whatever was done with them. */
  asked(count: number): Promise<void>;
  close(): Promise<void>;
};

const traceService = serviceOf("otlp-trace.proto", "trace.v1.TraceService");
const metricsService = serviceOf("otlp-metrics.proto", "metrics.v1.MetricsService");

/** A collector on loopback that decodes what it takes and keeps it. Close it in the end. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const metrics: ReceivedMetric[] = [];
  const headers: Readonly<Record<string, unknown>>[] = [];
  const documents: unknown[] = [];
  const waiting = new Set<() => void>();
  let mood: OtlpMood = "take";

  function until(isReached: () => boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (isReached()) {
        waiting.delete(look);
        resolve();
      }
    };
    waiting.add(look);
    look();
    return promise;
  }
  const tell = () => {
    for (const look of [...waiting]) {
      look();
    }
  };
  const take = (request: unknown) => {
    const { resource_spans = [], resource_metrics = [] } = request as Exported;
    spans.push(...resource_spans.flatMap(spansOf));
    metrics.push(...resource_metrics.flatMap(metricsOf));
    tell();
  };

  const http = await startHttp({ mood: () => mood, headers, documents, take, tell });
  const grpc = await startGrpc({ mood: () => mood, headers, documents, take, tell });
  return {
    httpUrl: `http://127.0.0.1:${http.port}`,
    grpcUrl: `http://127.0.0.1:${grpc.port}`,
    spans,
    metrics,
    headers,
    documents,
    setMood(next) {
      mood = next;
    },
    async received(count) {
      await until(() => spans.length >= count);
      return spans;
    },
    asked: (count) => until(() => headers.length >= count),
    async close() {
      grpc.close();
      await http.close();
    },
  };
}

type Intake = {
  readonly mood: () => OtlpMood;
  readonly headers: Readonly<Record<string, unknown>>[];
  /** Exports of `http/json`, as they came. */
  readonly documents: unknown[];
  readonly take: (request: unknown) => void;
  readonly tell: () => void;
};

function answerIn(mood: OtlpMood, answer: () => void): void {
  if (mood === "slow") {
    setTimeout(answer, SLOW_MS);
  } else {
    answer();
  }
}

async function startHttp({ mood, headers, documents, take, tell }: Intake) {
  const answer = (
    response: ServerResponse,
    body: Buffer,
    path: string,
    sent: IncomingHttpHeaders,
  ) => {
    headers.push(sent);
    tell();
    if (mood() === "hang") {
      return;
    }
    if (mood() === "refuse") {
      response.writeHead(400).end();
      return;
    }
    const bytes = sent["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    const { Export } = path === "/v1/metrics" ? metricsService : traceService;
    if (sent["content-type"]?.includes("json") === true) {
      documents.push(JSON.parse(bytes.toString()));
    } else {
      take(Export.requestDeserialize(bytes));
    }
    answerIn(mood(), () => {
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  };
  const server = createServer((request, response) => {
    buffer(request).then(
      (body) => answer(response, body, request.url ?? "", request.headers),
      () => undefined,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function startGrpc({ mood, headers, take, tell }: Intake) {
  const server = new Server();
  const Export: handleUnaryCall<unknown, object> = (
    call: ServerUnaryCall<unknown, object>,
    done,
  ) => {
    headers.push(call.metadata.getMap());
    tell();
    if (mood() === "refuse") {
      done({ code: status.PERMISSION_DENIED, details: "not taken" });
    }
    if (mood() === "take" || mood() === "slow") {
      take(call.request);
      answerIn(mood(), () => done(null, {}));
    }
  };
  server.addService(traceService, { Export });
  server.addService(metricsService, { Export });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  return { port: await promise, close: () => server.forceShutdown() };
}

type Service = ServiceDefinition & {
  readonly Export: { readonly requestDeserialize: (bytes: Buffer) => object };
};

function serviceOf(file: string, name: string): Service {
  const definition = loadSync(fileURLToPath(new URL(file, import.meta.url)), {
    keepCase: true,
    longs: String,
    enums: String,
    arrays: true,
    oneofs: true,
  });
  return definition[`opentelemetry.proto.collector.${name}`] as Service;
}

/** What proto-loader makes of the two files. */
type Exported = {
  readonly resource_spans?: readonly ResourceSpans[];
  readonly resource_metrics?: readonly ResourceMetrics[];
};

type AnyValue = {
  readonly value: string;
  readonly array_value?: { readonly values: readonly AnyValue[] };
} & Readonly<Record<string, unknown>>;

type KeyValues = readonly { readonly key: string; readonly value: AnyValue }[];

type Resource = { readonly attributes: KeyValues } | null;

type ResourceSpans = {
  readonly resource: Resource;
  readonly scope_spans: readonly { readonly spans: readonly WireSpan[] }[];
};

type WireSpan = {
  readonly trace_id: Buffer;
  readonly span_id: Buffer;
  readonly parent_span_id: Buffer;
  readonly trace_state: string;
  readonly name: string;
  readonly kind: string;
  readonly start_time_unix_nano: string;
  readonly end_time_unix_nano: string;
  readonly attributes: KeyValues;
  readonly events: readonly { readonly name: string; readonly time_unix_nano: string }[];
  readonly links: readonly { readonly trace_id: Buffer; readonly span_id: Buffer }[];
  readonly status: { readonly code?: string; readonly message: string } | null;
  readonly flags: number;
};

const PARENT_IS_REMOTE = 0x200;

function spansOf({ resource, scope_spans }: ResourceSpans): readonly ReceivedSpan[] {
  const about = attributesOf(resource?.attributes ?? []);
  return scope_spans
    .flatMap(({ spans }) => spans)
    .map((span) => ({
      traceId: span.trace_id.toString("hex"),
      spanId: span.span_id.toString("hex"),
      parentSpanId: span.parent_span_id?.toString("hex") ?? "",
      parentIsRemote: (span.flags & PARENT_IS_REMOTE) !== 0,
      traceState: span.trace_state ?? "",
      name: span.name,
      kind: span.kind,
      startNs: BigInt(span.start_time_unix_nano),
      endNs: BigInt(span.end_time_unix_nano),
      attributes: attributesOf(span.attributes),
      events: span.events.map(({ name, time_unix_nano }) => ({
        name,
        atNs: BigInt(time_unix_nano),
      })),
      links: span.links.map((link) => ({
        traceId: link.trace_id.toString("hex"),
        spanId: link.span_id.toString("hex"),
      })),
      status: { code: span.status?.code ?? "UNSET", message: span.status?.message ?? "" },
      resource: about,
    }));
}

function attributesOf(pairs: KeyValues): Readonly<Record<string, AttributeValue>> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, plainOf(value)]));
}

/** An integer of the wire is text here, because it has 64 bits; ours fit into a number. */
function plainOf(value: AnyValue): AttributeValue {
  return value.value === "array_value"
    ? (value.array_value?.values ?? []).map(plainOf)
    : scalarOf(value.value, value[value.value]);
}

function scalarOf(kind: string, value: unknown): AttributeValue {
  return kind === "int_value" ? Number(value) : (value as AttributeValue);
}

type WirePoint = {
  readonly attributes: KeyValues;
  readonly value?: "as_double" | "as_int";
  readonly as_double?: number;
  readonly as_int?: string;
  readonly count?: string;
  readonly sum?: number;
  readonly bucket_counts?: readonly string[];
  readonly explicit_bounds?: readonly number[];
};

type WireMetric = {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly data: "sum" | "gauge" | "histogram";
} & Readonly<Record<"sum" | "gauge" | "histogram", { readonly data_points: readonly WirePoint[] }>>;

type ResourceMetrics = {
  readonly scope_metrics: readonly { readonly metrics: readonly WireMetric[] }[];
};

function metricsOf({ scope_metrics }: ResourceMetrics): readonly ReceivedMetric[] {
  return scope_metrics
    .flatMap(({ metrics }) => metrics)
    .map((metric) => ({
      name: metric.name,
      unit: metric.unit,
      description: metric.description,
      data: metric.data,
      points: metric[metric.data].data_points.map((point) => ({
        attributes: attributesOf(point.attributes),
        value: Number(point.count ?? point.as_int ?? point.as_double),
        sum: point.sum,
        bucketCounts: (point.bucket_counts ?? []).map(Number),
        bounds: point.explicit_bounds ?? [],
      })),
    }));
}
