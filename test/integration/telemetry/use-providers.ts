import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** How a provider answers a request. */
export type Reply = (response: ServerResponse, asked: Asked) => void;

export type Asked = {
  readonly provider: string;
  readonly stream: boolean;
  readonly headers: IncomingHttpHeaders;
};

export type Providers = {
  readonly url: string;
  /** Every request, in the order in which they came. */
  readonly asked: readonly Asked[];
  close(): Promise<void>;
};

/** Providers of the OpenAI dialect behind one port, each below a path of its own. */
export async function startProviders(replyOf: (provider: string) => Reply): Promise<Providers> {
  const asked: Asked[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    const { stream = false } = JSON.parse(body.toString()) as { readonly stream?: boolean };
    const provider = request.url?.split("/")[1] ?? "";
    const one = { provider, stream, headers: request.headers };
    asked.push(one);
    replyOf(provider)(response, one);
  };
  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** A whole answer, or a stream with two pieces of text. */
export function answering(text = "a b"): Reply {
  return (response, { stream }) => {
    const usage = { prompt_tokens: 3, completion_tokens: 2 };
    if (stream) {
      begin(response);
      for (const content of [text.slice(0, 1), text.slice(1)]) {
        write(response, { choices: [{ index: 0, delta: { content } }] });
      }
      write(response, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
      write(response, { choices: [], usage });
      response.end("data: [DONE]\n\n");
      return;
    }
    const message = { role: "assistant", content: text };
    const choices = [{ index: 0, message, finish_reason: "stop" }];
    sendJson(response, 200, { model: "chat-1", choices, usage });
  };
}

export const failing =
  (status: number, body: unknown = { error: { message: "no" } }): Reply =>
  (response) =>
    sendJson(response, status, body);

/** Nothing ever comes. */
export const hanging: Reply = () => undefined;

/** Headers and a piece of text, and nothing after it; without a stream nothing at all. */
export const stalling: Reply = (response, { stream }) => {
  if (stream) {
    begin(response);
    write(response, { choices: [{ index: 0, delta: { content: "a" } }] });
  }
};

function begin(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
}

function write(response: ServerResponse, event: object): void {
  response.write(`data: ${JSON.stringify({ model: "chat-1", ...event })}\n\n`);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
