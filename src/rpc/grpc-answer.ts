import http2 from "node:http2";
import { ACCEPTED_ENCODINGS } from "./decompression.ts";

/** Its trailers wait until all messages have left. */
type AnsweringStream = http2.ServerHttp2Stream & { [ending]?: http2.OutgoingHttpHeaders };

const ending = Symbol("ending");

const CONTENT_TYPE = "application/grpc+proto";
/** As a list, which Node does not copy. */
const HEADERS = [
  ":status",
  String(http2.constants.HTTP_STATUS_OK),
  "content-type",
  CONTENT_TYPE,
  "grpc-accept-encoding",
  ACCEPTED_ENCODINGS,
];
/** Nobody reads the date of a gRPC answer. */
const BEFORE_MESSAGES = { waitForTrailers: true, sendDate: false };
const WITHOUT_MESSAGES = { endStream: true, sendDate: false };

/** Sends a message with its prefix, and before the first one the headers. `flushed`: it has left, or never will. */
export function writeFrame(
  stream: http2.ServerHttp2Stream,
  frame: Buffer,
  flushed: () => void,
): void {
  if (!stream.headersSent) {
    stream.respond(HEADERS, BEFORE_MESSAGES);
  }
  stream.write(frame, flushed);
}

/** Ends the answer with its status, after `last` if there is one more message. */
export function endAnswer(
  stream: AnsweringStream,
  trailers: http2.OutgoingHttpHeaders,
  last?: Buffer,
): void {
  if (!stream.headersSent) {
    if (last === undefined) {
      const status = http2.constants.HTTP_STATUS_OK;
      const headers = {
        ":status": status,
        "content-type": CONTENT_TYPE,
        "grpc-accept-encoding": ACCEPTED_ENCODINGS,
        ...trailers,
      };
      stream.respond(headers, WITHOUT_MESSAGES);
      return;
    }
    stream.respond(HEADERS, BEFORE_MESSAGES);
  }
  stream[ending] = trailers;
  stream.on("wantTrailers", sendTrailers);
  stream.end(last);
}

function sendTrailers(this: AnsweringStream): void {
  this.sendTrailers(this[ending] ?? {});
}
