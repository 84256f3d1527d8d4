import type { Writable } from "node:stream";
import type { Log, Schedule } from "../domain/ports.ts";
import type { HttpResponse } from "./http-call.ts";
import { type HttpRoute, sendJson } from "./http-pages.ts";

/** A page that is written in pieces, each the work of a moment. */
export type TextPage = {
  readonly contentType: string;
  readonly pieces: Iterable<string>;
};

export type MetricsPageOptions = {
  /** Made anew for each request, from its header `Accept`. */
  readonly pageFor: (accept: string | undefined) => TextPage;
  readonly schedule: Schedule;
  readonly log: Log;
};

/** Two scrapers of a pair, a person, and one more. */
const MAX_AT_A_TIME = 4;

/** What Prometheus waits for by default; a reader that is slower has given up. */
const MAX_DURATION_MS = 10_000;

/**
 * `GET` and `HEAD` of a text page that may be large.
 *
 * Calls are served between two pieces, and no piece is made before the reader took the one before. A
 * reader that takes more than 10 s is cut off, and beyond four at a time they are turned away.
 */
export function createMetricsPage({ pageFor, schedule, log }: MetricsPageOptions): HttpRoute {
  let running = 0;

  async function send(response: HttpResponse, pieces: Iterable<string>): Promise<void> {
    running += 1;
    const callOff = schedule(MAX_DURATION_MS, () => response.destroy());
    try {
      await writeAll(response, pieces);
    } catch (error) {
      log("error", "a page failed", { path: "/metrics", error });
      response.destroy();
    } finally {
      callOff();
      running -= 1;
    }
  }

  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      sendJson(response, 405, { code: "unimplemented", message: "GET or HEAD" });
      return;
    }
    if (running >= MAX_AT_A_TIME) {
      response.setHeader("retry-after", "1");
      sendJson(response, 503, { code: "unavailable", message: "too many readers" });
      return;
    }
    const { contentType, pieces } = pageFor(request.headers.accept);
    response.statusCode = 200;
    response.setHeader("content-type", contentType);
    response.setHeader("cache-control", "no-store");
    response.setHeader("vary", "accept");
    if (request.method === "HEAD") {
      response.end();
      return;
    }
    void send(response, pieces);
  };
}

async function writeAll(response: Writable, pieces: Iterable<string>): Promise<void> {
  let isClosed = false;
  response.once("close", () => {
    isClosed = true;
  });
  for (const piece of pieces) {
    const isTaken = response.write(piece);
    await (isTaken || isClosed ? nextTurn() : drained(response));
    if (isClosed) {
      return;
    }
  }
  response.end();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function drained(response: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
