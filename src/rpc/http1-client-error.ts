import type { Duplex } from "node:stream";

/** What HTTP/1.1 clients get whose request could not even be parsed. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (socket.destroyed || !socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, code, message] = clientErrors[error.code ?? ""] ?? badRequest;
  const body = JSON.stringify({ code, message });
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

type ClientError = readonly [status: string, code: string, message: string];

const badRequest: ClientError = [
  "400 Bad Request",
  "invalid_argument",
  "The request is not one of HTTP/1.1.",
];

const clientErrors: Readonly<Record<string, ClientError>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    "resource_exhausted",
    "The headers are larger than the server takes.",
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    "deadline_exceeded",
    "The request was not sent in time.",
  ],
};
