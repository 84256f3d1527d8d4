import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";

export type LoopbackServer = {
  /** Without a trailing slash. */
  readonly origin: string;
  /** Ends open connections too. */
  close(): Promise<void>;
};

/** Longer than any client's pool keeps a connection, so that the client is the one to end it. */
const KEEP_ALIVE_MS = 120_000;
/** Room for a few thousand connections that open at once. */
const BACKLOG = 4_096;

/** Port 0 takes a free one. */
export async function startLoopbackServer(
  listener: RequestListener,
  port: number,
): Promise<LoopbackServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, listener);
  server.listen({ host: "127.0.0.1", port, backlog: BACKLOG });
  await once(server, "listening");
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return {
    origin: `http://127.0.0.1:${bound}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
