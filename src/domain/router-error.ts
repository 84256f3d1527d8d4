import type { Candidate } from "./plan.ts";

/** Every way a call ends without an answer. The README table lists the same codes. */
export const routerErrors = {
  "invalid-request": { source: "caller" },
  "model-not-found": { source: "caller" },
  "endpoint-not-found": { source: "caller" },
  "call-not-found": { source: "caller" },
  "context-length-exceeded": { source: "caller" },
  "no-eligible-endpoint": { source: "caller" },
  "eval-gate-failed": { source: "caller" },
  "content-filtered": { source: "caller" },
  "request-refused": { source: "caller" },
  "duplicate-request": { source: "caller" },
  "caller-too-slow": { source: "caller" },
  "deadline-exceeded": { source: "caller" },
  canceled: { source: "caller" },
  "upstream-rate-limited": { source: "upstream" },
  "upstream-unavailable": { source: "upstream" },
  "upstream-quota-exhausted": { source: "upstream" },
  "upstream-auth-failed": { source: "upstream" },
  "stream-interrupted": { source: "upstream" },
  "shutting-down": { source: "router" },
  internal: { source: "router" },
} as const satisfies Record<string, { readonly source: "caller" | "upstream" | "router" }>;

export type RouterErrorCode = keyof typeof routerErrors;

/** One thing wrong with a request. */
export type Violation = {
  /** Path in the request message in proto names: `spec.messages[2].parts[0].tool_result.tool_call_id`. */
  readonly field: string;
  readonly description: string;
};

export type RouterErrorDetails = {
  readonly violations?: readonly Violation[];
  /** Every endpoint that was considered and why it was refused. */
  readonly candidates?: readonly Candidate[];
  /** Machine-readable facts: keys in lowerCamelCase, no secrets. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** When trying again can help at the soonest. */
  readonly retryAfterMs?: number;
  /** For logs. Never leaves the process. */
  readonly cause?: unknown;
};

/** The message may reach the caller: it holds no secret, no prompt and no stack. */
export class RouterError extends Error {
  override readonly name = "RouterError";
  readonly code: RouterErrorCode;
  readonly details: RouterErrorDetails;

  constructor(code: RouterErrorCode, message: string, details: RouterErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.code = code;
    this.details = details;
  }
}
