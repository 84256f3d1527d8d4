import type { FaultMode } from "./faults.ts";
import type { QuotaCode } from "./profile.ts";

/** Why a request gets an error in place of an answer, before a dialect puts it into its words. */
export type Refusal =
  | {
      readonly kind: "rateLimited";
      readonly limit: "requests" | "tokens" | "concurrency" | "simulated";
      /** `retry-after` and `retry-after-ms`, already in the form they are sent in. */
      readonly headers: Readonly<Record<string, string>>;
    }
  | { readonly kind: "serverError"; readonly status: number }
  | { readonly kind: "quotaExhausted"; readonly code: QuotaCode }
  | { readonly kind: "unauthorized"; readonly keyGiven: boolean }
  | { readonly kind: "modelNotFound"; readonly model: string }
  | {
      readonly kind: "contextLength";
      readonly promptTokens: number;
      readonly maxTokens: number;
      readonly limit: number;
    }
  | { readonly kind: "contentFilter" }
  | { readonly kind: "unknownPath"; readonly method: string; readonly path: string }
  | { readonly kind: "tooLarge" }
  | BadRequest;

export type BadRequest = {
  readonly kind: "badRequest";
  readonly message: string;
  /** OpenAI's `param` and `code`; Anthropic has only the message. */
  readonly param?: string;
  readonly code?: string;
  /** Default 400. */
  readonly status?: number;
};

/** Thrown by the validators, which only propagate it; caught where the request is answered. */
export class RefusedRequest extends Error {
  override readonly name = "RefusedRequest";
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.kind);
    this.refusal = refusal;
  }
}

/** Under which mode of `EndpointStats.failed` a refusal counts. */
export function modeOfRefusal({ kind }: Refusal): FaultMode {
  switch (kind) {
    case "contextLength":
      return "contextLengthExceeded";
    case "unknownPath":
    case "tooLarge":
      return "badRequest";
    default:
      return kind;
  }
}
