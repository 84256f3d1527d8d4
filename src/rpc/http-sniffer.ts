import net from "node:net";
import type { Schedule } from "../domain/ports.ts";

/**
 * Serves HTTP/1.1 and HTTP/2 without TLS on one port, which Node cannot do by itself
 * (https://github.com/nodejs/node/issues/26795): an HTTP/2 client begins with a fixed preface.
 *
 * The bytes are read when they are readable and put back. Taking them by `data` events breaks HTTP/2,
 * because the session then reads from the handle below the stream.
 */
export type SnifferOptions = {
  readonly schedule: Schedule;
  /** For a connection to say what it speaks. */
  readonly timeoutMs: number;
  readonly onHttp1: (socket: net.Socket) => void;
  readonly onHttp2: (socket: net.Socket) => void;
};

/** The first bytes of `PRI * HTTP/2.0`; no method of HTTP/1.1 begins so. */
const PREFACE = Buffer.from("PRI");

export function createSniffer(options: SnifferOptions): net.Server {
  return net.createServer({ noDelay: true }, (socket) => sniff(socket, options));
}

function sniff(socket: net.Socket, { schedule, timeoutMs, onHttp1, onHttp2 }: SnifferOptions) {
  let seen = Buffer.alloc(0);
  const callOff = schedule(timeoutMs, () => socket.destroy());
  // Without a listener, a reset before the first byte would end the process.
  socket.on("error", () => socket.destroy());
  socket.once("close", callOff);
  socket.on("readable", onReadable);

  function onReadable(): void {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) {
      return;
    }
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, PREFACE.length);
    const maybeHttp2 = seen.compare(PREFACE, 0, length, 0, length) === 0;
    if (maybeHttp2 && length < PREFACE.length) {
      return;
    }
    socket.off("readable", onReadable);
    callOff();
    socket.unshift(seen);
    if (maybeHttp2) {
      onHttp2(socket);
    } else {
      onHttp1(socket);
    }
  }
}
