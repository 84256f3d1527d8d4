import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export type TcpProxy = {
  readonly port: number;
  /** Resets every connection and refuses further ones. */
  cut(): void;
  /** Nothing passes any more in either direction, and nobody is told. */
  stall(): void;
  /** Lets pass again, what was held back first. */
  heal(): void;
  close(): Promise<void>;
};

/** A network between a client and a server on this machine that can be cut. */
export async function createTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let state: "open" | "stalled" | "cut" = "open";

  function track(socket: Socket, other: Socket): void {
    sockets.add(socket);
    socket.on("data", (bytes) => other.write(bytes));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      sockets.delete(socket);
      other.destroy();
    });
    if (state === "stalled") {
      socket.pause();
    }
  }

  const server = createServer((client) => {
    if (state === "cut") {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(targetPort, "127.0.0.1");
    track(client, upstream);
    track(upstream, client);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new Error("no port is free");
  }

  function cut(): void {
    state = "cut";
    for (const socket of [...sockets]) {
      socket.resetAndDestroy();
    }
  }

  return {
    port: address.port,
    cut,
    stall() {
      state = "stalled";
      for (const socket of sockets) {
        socket.pause();
      }
    },
    heal() {
      state = "open";
      for (const socket of sockets) {
        socket.resume();
      }
    },
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
