import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  type ClientSessionRequestOptions,
  connect,
  constants,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from "node:http2";
import { formatMs } from "./figures.ts";

/** There is no connection. The message is for people; the cause is the network's own error. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** One HTTP/2 connection for the life of a command, in the shape of a Connect session manager. */
export type Http2Session = {
  /** Origin of the server. */
  readonly authority: string;
  /**
   * To be called once, before any request. Rejects with an `UnreachableError` when there is no
   * connection within `withinMs` or 10 s, whichever is shorter, and with the signal's reason when it
   * aborts.
   */
  connect(signal: AbortSignal, withinMs?: number): Promise<void>;
  request(
    method: string,
    path: string,
    headers: OutgoingHttpHeaders,
    options: Omit<ClientSessionRequestOptions, "signal">,
  ): Promise<ClientHttp2Stream>;
  notifyResponseByteRead(stream: ClientHttp2Stream): void;
  /** Ends the connection with every stream on it. */
  close(): void;
};

/** A host that drops packets gives no error of its own for minutes. */
const CONNECT_TIMEOUT_MS = 10_000;
/**
 * Silence after which the system asks whether the peer is there. Below HTTP/2, because servers may
 * take frequent pings of a client for an attack.
 */
const KEEP_ALIVE_MS = 30_000;

/** Connects only when it is told to. */
export function createHttp2Session(
  url: URL,
  tls: SecureClientSessionOptions | undefined,
): Http2Session {
  // Node hands what it does not know itself to `net.connect` or `tls.connect`.
  const options: ClientSessionOptions & SocketOptions = {
    ...tls,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  let session: ClientHttp2Session | undefined;
  return {
    authority: url.origin,
    connect(signal, withinMs = CONNECT_TIMEOUT_MS) {
      session = connect(url.origin, options);
      return connected(session, signal, Math.min(withinMs, CONNECT_TIMEOUT_MS));
    },
    async request(method, path, headers, requestOptions) {
      if (session === undefined) {
        throw new UnreachableError("no connection was opened");
      }
      return session.request({ ...headers, ":method": method, ":path": path }, requestOptions);
    },
    notifyResponseByteRead() {
      // Tells managers that send pings when to send none.
    },
    close() {
      session?.destroy(undefined, constants.NGHTTP2_CANCEL);
    },
  };
}

type SocketOptions = { readonly keepAlive: boolean; readonly keepAliveInitialDelay: number };

function connected(
  session: ClientHttp2Session,
  signal: AbortSignal,
  withinMs: number,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new UnreachableError(`no connection within ${formatMs(withinMs)}`)),
    withinMs,
  );
  const abort = () => reject(signal.reason);
  // Stays for the life of the session: without a listener an error would end the process. The
  // streams of the session fail with it and tell their callers.
  session.on("error", (cause) => reject(new UnreachableError(reasonOf(cause), { cause })));
  session.once("close", () => reject(new UnreachableError("the connection was closed")));
  session.once("connect", () => resolve());
  signal.addEventListener("abort", abort);
  if (signal.aborted) {
    abort();
  }
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}

/** Of a name with several addresses, what each of them said. */
function reasonOf(error: Error): string {
  if ("code" in error && error.code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    // OpenSSL's own words name a source file and nothing that a caller could mend.
    return "it does not speak TLS";
  }
  return error instanceof AggregateError && error.errors.length > 0
    ? error.errors
        .map((inner) => (inner instanceof Error ? inner.message : String(inner)))
        .join("; ")
    : error.message;
}
