import type { Failure, FailureKind } from "../domain/outcome.ts";

/** What a socket, TLS, DNS or HTTP parser error says; its own message may name hosts and is not shown. */
export type TransportState = {
  /** False: no byte of the request left this process. */
  readonly sent: boolean;
};

type CodedError = { readonly code?: unknown };

const CODE = /^[A-Z][A-Z0-9_]{2,63}$/;

/** The error of a request that got no, or not all of its, response. */
export function classifyError(error: unknown, { sent }: TransportState): Failure {
  const code = codeOf(error);
  const kind = kindOf(code, sent);
  const suffix = code === "" ? "" : ` (${code})`;
  return { kind, message: `${texts[kind]}${suffix}.`, sent, cause: error };
}

type TransportKind = Extract<
  FailureKind,
  | "connect-timeout"
  | "first-token-timeout"
  | "idle-timeout"
  | "network"
  | "server-error"
  | "malformed-response"
  | "canceled"
>;

const texts: Readonly<Record<TransportKind, string>> = {
  "connect-timeout": "The endpoint did not accept a connection in time",
  "first-token-timeout": "The endpoint did not begin its answer in time",
  "idle-timeout": "The endpoint stopped answering",
  network: "The connection to the endpoint failed",
  "server-error": "The endpoint's address or headers are not valid",
  "malformed-response": "The endpoint's answer is not valid HTTP",
  canceled: "The call was given up",
};

function kindOf(code: string, sent: boolean): TransportKind {
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
      return "connect-timeout";
    case "ETIMEDOUT":
      return sent ? "network" : "connect-timeout";
    case "UND_ERR_HEADERS_TIMEOUT":
      return "first-token-timeout";
    case "UND_ERR_BODY_TIMEOUT":
      return "idle-timeout";
    case "UND_ERR_ABORTED":
    case "UND_ERR_ABORT":
      return "canceled";
    // A key with a line break, a base URL that is none: an operator has to mend it.
    case "UND_ERR_INVALID_ARG":
    case "ERR_INVALID_URL":
      return "server-error";
    case "UND_ERR_HEADERS_OVERFLOW":
    case "UND_ERR_RES_EXCEEDED_MAX_SIZE":
      return "malformed-response";
    default:
      // HPE_* is the HTTP parser. An error without a code is no transport error but a defect here.
      return code === "" || code.startsWith("HPE_") ? "malformed-response" : "network";
  }
}

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) {
    return "";
  }
  // The field stays unknown, so the cast claims nothing.
  const { code } = error as CodedError;
  return typeof code === "string" && CODE.test(code) ? code : "";
}
