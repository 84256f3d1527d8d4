import type { Endpoint } from "../domain/catalog.ts";
import type { Dialect } from "../domain/endpoint.ts";
import type { Failure, Outcome } from "../domain/outcome.ts";
import type { NowMs, Upstream, UpstreamCall } from "../domain/ports.ts";
import { anthropicMessages } from "./anthropic/dialect.ts";
import { classifyError } from "./classify-error.ts";
import type { Connection } from "./connection.ts";
import type { DialectAdapter } from "./dialect-adapter.ts";
import { canceled, type ExchangeInput, runExchange } from "./exchange.ts";
import { openaiChat } from "./openai/dialect.ts";
import { createPools, type PoolOptions, type Pools } from "./pools.ts";
import { type Target, targetOf } from "./target.ts";
import { UnencodableRequest } from "./unencodable-request.ts";

export type HttpUpstreamOptions = Partial<PoolOptions> & {
  /** Where an endpoint is and how it is entered. Never throws. */
  readonly connect: (endpoint: Endpoint) => Connection;
  /** Epoch milliseconds, for `retry-after` dates. */
  readonly nowMs: NowMs;
  /** Largest request body. Default 64 MiB, above what any provider takes. */
  readonly maxRequestBytes?: number;
  /** Largest answer that comes whole. Default 32 MiB. */
  readonly maxResponseBytes?: number;
  /** Largest event of a stream. Default 1 MiB. */
  readonly maxEventBytes?: number;
};

export type HttpUpstream = {
  readonly upstream: Upstream;
  /** Breaks what still runs, as `network`. Calls after it fail the same way. */
  close(): Promise<void>;
};

const MEBIBYTE = 1024 * 1024;

/** Reasons stand at `HttpUpstreamOptions` and `PoolOptions`. */
const DEFAULTS = {
  // Three round trips around the globe with TLS take below one second; SYN retries come at 1 s and 3 s.
  connectTimeoutMs: 5_000,
  maxConnectionsPerOrigin: 1_024,
  maxOrigins: 256,
  // Engines on uvicorn close after 5 s without saying so; a request sent just then would be lost.
  keepAliveMs: 4_000,
  maxRequestBytes: 64 * MEBIBYTE,
  maxResponseBytes: 32 * MEBIBYTE,
  maxEventBytes: MEBIBYTE,
} as const;

const adapters: Readonly<Record<Dialect, DialectAdapter>> = {
  "openai-chat": openaiChat,
  "anthropic-messages": anthropicMessages,
};

/**
 * The edge to the providers: one call is one HTTP request, never repeated and never redirected.
 *
 * Past it nothing looks at a status code, an exception or a key.
 */
export function createHttpUpstream(options: HttpUpstreamOptions): HttpUpstream {
  const settings: Settings = { ...DEFAULTS, ...options };
  const pools = createPools(settings);
  const targets = new WeakMap<Connection, Target>();

  function exchangeOf(call: UpstreamCall): ExchangeInput | Failure {
    try {
      return prepare(call, { settings, pools, targets });
    } catch (error) {
      return failureOf(error);
    }
  }

  function upstream(call: UpstreamCall): Promise<Outcome> {
    if (call.signal.aborted) {
      return Promise.resolve(canceled());
    }
    const exchange = exchangeOf(call);
    return "kind" in exchange ? Promise.resolve(exchange) : runExchange(exchange);
  }

  return { upstream, close: pools.close };
}

type Settings = HttpUpstreamOptions & Readonly<Record<keyof typeof DEFAULTS, number>>;

type Shared = {
  readonly settings: Settings;
  readonly pools: Pools;
  readonly targets: WeakMap<Connection, Target>;
};

/** Throws `UnencodableRequest`, or a `TypeError` for a base URL that is none. */
function prepare(call: UpstreamCall, { settings, pools, targets }: Shared): ExchangeInput {
  const { endpoint, spec, stream, trace } = call;
  const adapter = adapters[endpoint.dialect];
  const target = readyTarget(targets, settings.connect(endpoint), endpoint);
  const text = adapter.encodeRequest({ endpoint, spec, stream, flavor: target.flavor });
  const body = Buffer.from(text);
  if (body.length > settings.maxRequestBytes) {
    throw new UnencodableRequest("The request is too large.");
  }
  const headers = stream ? target.streamHeaders : target.wholeHeaders;
  return {
    call,
    adapter,
    target,
    pool: pools.of(target.origin),
    headers: trace === undefined ? headers : withTrace(headers, trace),
    body,
    maxResponseBytes: settings.maxResponseBytes,
    maxEventBytes: settings.maxEventBytes,
    nowMs: settings.nowMs,
  };
}

/** W3C Trace Context. Baggage is its caller's own affair and goes to no provider. */
function withTrace(
  headers: readonly string[],
  { traceparent, tracestate }: NonNullable<UpstreamCall["trace"]>,
): readonly string[] {
  return tracestate === ""
    ? [...headers, "traceparent", traceparent]
    : [...headers, "traceparent", traceparent, "tracestate", tracestate];
}

function readyTarget(
  targets: WeakMap<Connection, Target>,
  connection: Connection,
  endpoint: Endpoint,
): Target {
  const known = targets.get(connection);
  if (known?.dialect === endpoint.dialect && known.providerId === endpoint.provider.id) {
    return known;
  }
  const target = targetOf(connection, endpoint, adapters[endpoint.dialect]);
  targets.set(connection, target);
  return target;
}

function failureOf(error: unknown): Failure {
  if (error instanceof UnencodableRequest) {
    return { kind: "bad-request", message: error.message, sent: false };
  }
  const failure = classifyError(error, { sent: false });
  if (failure.kind === "server-error") {
    // `cause` would hold the base URL, which may hold a key.
    return { ...failure, cause: undefined };
  }
  // A defect of this adapter, which the attempt reports as one.
  throw error;
}
