import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { CANARY } from "./use-upstream.ts";

export type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: string;
};

export type TestServer = {
  readonly baseUrl: string;
  readonly requests: readonly Exchange[];
  /** Connections accepted so far. */
  connections(): number;
};

/** An HTTP server whose every request runs the script; closed with the test. */
export async function useHttpServer(script: (exchange: Exchange) => unknown): Promise<TestServer> {
  const requests: Exchange[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    if (!Object.values(request.headers).some((value) => String(value).includes(CANARY))) {
      // Ports are used again: a client of a server that is gone may knock.
      response.writeHead(404).end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const exchange = { request, response, body: Buffer.concat(chunks).toString() };
      requests.push(exchange);
      void script(exchange);
    });
    request.on("error", () => undefined);
  });
  server.on("connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { baseUrl: urlOf(server.address()), requests, connections: () => connections };
}

/** A TCP server: what HTTP servers never do. */
export async function useSocketServer(script: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createSocketServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    script(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) {
      socket.destroy();
    }
    server.close();
  });
  return urlOf(server.address());
}

/** An address that nobody listens at. */
export async function closedUrl(): Promise<string> {
  const server = createSocketServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = urlOf(server.address());
  server.close();
  await once(server, "close");
  return url;
}

/** Resolves when the client's side of the exchange is gone. */
export async function closingOf({ response }: Exchange): Promise<void> {
  if (!response.destroyed) {
    await once(response, "close");
  }
}

function urlOf(address: AddressInfo | string | null): string {
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
}
