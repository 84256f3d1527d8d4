import { onTestFinished } from "vitest";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { CompletionSpec } from "../../../src/domain/completion.ts";
import type { Outcome } from "../../../src/domain/outcome.ts";
import type { UpstreamCall } from "../../../src/domain/ports.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";
import type { Connection } from "../../../src/upstream/connection.ts";
import {
  createHttpUpstream,
  type HttpUpstreamOptions,
} from "../../../src/upstream/http-upstream.ts";
import { exampleEndpoint, exampleSpec } from "../../support/examples.ts";

/** What must never come out again. */
export const CANARY = "canary-7f3a91c2-key";

export type CallOptions = {
  readonly stream?: boolean;
  readonly endpoint?: Partial<Endpoint>;
  readonly spec?: Partial<CompletionSpec>;
  readonly signal?: AbortSignal;
  readonly trace?: UpstreamCall["trace"];
  readonly onEvent?: (event: StreamEvent) => void;
  readonly onActivity?: () => void;
};

export type CallReport = {
  readonly outcome: Outcome;
  readonly events: readonly StreamEvent[];
  readonly text: string;
};

/** An upstream that reaches one server; closed with the test. */
export function useUpstream(
  connection: Partial<Connection> & { readonly baseUrl: string },
  options: Partial<HttpUpstreamOptions> = {},
) {
  const full: Connection = { apiKey: CANARY, ...connection };
  const http = createHttpUpstream({ connect: () => full, nowMs: () => 0, ...options });
  onTestFinished(() => http.close());
  return {
    close: http.close,
    async call(call: CallOptions = {}): Promise<CallReport> {
      const events: StreamEvent[] = [];
      const outcome = await http.upstream({
        endpoint: exampleEndpoint("acme/one", call.endpoint),
        spec: exampleSpec(call.spec),
        stream: call.stream ?? true,
        signal: call.signal ?? new AbortController().signal,
        emit(event) {
          events.push(event);
          call.onEvent?.(event);
        },
        ...(call.trace !== undefined && { trace: call.trace }),
        ...(call.onActivity !== undefined && { onActivity: call.onActivity }),
      });
      const text = events.map((event) => (event.kind === "text-delta" ? event.text : "")).join("");
      return { outcome, events, text };
    },
  };
}
