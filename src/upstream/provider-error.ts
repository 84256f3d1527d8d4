import { isRecord, textOf } from "./json.ts";

/** What a provider says about a failure, whatever shape it says it in. */
export type ProviderError = {
  /** Empty when it gives none. May echo secrets and prompts. */
  readonly message: string;
  /** Every machine-readable word: codes and types, lower case. */
  readonly words: readonly string[];
  /** Status that the body itself names, as vLLM and routers before a provider do. */
  readonly status: number | undefined;
};

export const NO_DETAILS: ProviderError = { message: "", words: [], status: undefined };

type ErrorFields = {
  readonly error?: unknown;
  readonly errors?: unknown;
  readonly message?: unknown;
  readonly detail?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly status?: unknown;
  readonly details?: unknown;
  readonly innererror?: unknown;
  readonly error_code?: unknown;
};

/**
 * Reads the error bodies in use: `{error: {…}}` of OpenAI, Azure and Anthropic, the flat one of SGLang,
 * `{detail}` of FastAPI, `{error: "text"}`, and a list around any of them.
 */
export function providerErrorOf(body: unknown): ProviderError {
  const outer = fieldsOf(Array.isArray(body) ? body[0] : body);
  if (outer === undefined) {
    return { ...NO_DETAILS, message: textOf(body) };
  }
  const error = outer.error ?? (Array.isArray(outer.errors) ? outer.errors[0] : undefined);
  const inner = fieldsOf(error);
  if (inner === undefined) {
    return detailsOf(outer, textOf(error));
  }
  return detailsOf(inner, textOf(outer.message));
}

function detailsOf(fields: ErrorFields, otherMessage: string): ProviderError {
  const details = fieldsOf(fields.details);
  const innerError = fieldsOf(fields.innererror);
  const words = [
    fields.code,
    fields.type,
    fields.status,
    fields.error_code,
    details?.error_code,
    innerError?.code,
  ];
  return {
    message: messageOf(fields) || otherMessage,
    words: words.flatMap((word) => (typeof word === "string" ? [word.toLowerCase()] : [])),
    status: statusOf(fields.code) ?? statusOf(fields.status),
  };
}

function messageOf({ message, detail }: ErrorFields): string {
  if (typeof message === "string") {
    return message;
  }
  if (Array.isArray(detail)) {
    const first: unknown = detail[0];
    return isRecord(first) ? textOf(first["msg"]) : "";
  }
  return textOf(detail);
}

function statusOf(code: unknown): number | undefined {
  const status = typeof code === "string" && /^\d{3}$/.test(code) ? Number(code) : code;
  return typeof status === "number" && status >= 300 && status <= 599 ? status : undefined;
}

/** Every field stays unknown, so the cast claims nothing. */
function fieldsOf(value: unknown): ErrorFields | undefined {
  return isRecord(value) ? (value as ErrorFields) : undefined;
}
