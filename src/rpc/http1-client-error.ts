import type { Duplex } from "node:stream";
import { connectErrorBody } from "./protocol-error.ts";
import { headersTooLarge, sentTooSlowly, undecodable } from "./status.ts";

type ClientError = Error & { readonly code?: string };

/** Answers HTTP/1.1 clients whose request could not even be parsed. */
export function createClientErrorAnswer(
  errorDomain: string,
): (error: ClientError, socket: Duplex) => void {
  return (error, socket) => {
    if (socket.destroyed || !socket.writable || error.code === "ECONNRESET") {
      socket.destroy();
      return;
    }
    const { status, failure } = answerTo(error);
    const body = connectErrorBody(failure, errorDomain);
    socket.write(
      `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`,
    );
    socket.end(body);
  };
}

function answerTo({ code }: ClientError): { readonly status: string; readonly failure: Error } {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return { status: "431 Request Header Fields Too Large", failure: headersTooLarge() };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: "408 Request Timeout", failure: sentTooSlowly() };
    default:
      return {
        status: "400 Bad Request",
        failure: undecodable("The request is not one of HTTP/1.1."),
      };
  }
}
