import type { HttpRequest, HttpResponse } from "./http-call.ts";

/** Answers a request that is no RPC. */
export type HttpRoute = (request: HttpRequest, response: HttpResponse) => void;

export type Readiness = {
  readonly ready: boolean;
  /** For people and dashboards: what is degraded, how old the scores are. */
  readonly details: Readonly<Record<string, unknown>>;
};

/** What `/healthz` says beside that the process lives. */
export type LifeSigns = Readonly<Record<string, unknown>>;

export type PageOptions = {
  readonly routes: ((path: string) => HttpRoute | undefined) | undefined;
  readonly readiness: (() => Readiness) | undefined;
  readonly lifeSigns: (() => LifeSigns) | undefined;
  /** False from the beginning of a drain on. */
  readonly isServing: () => boolean;
  readonly notFound: HttpRoute;
};

/** Liveness depends on nothing, whatever else its page tells; readiness ends with the first moment of a drain. */
export function pageOf(
  path: string,
  { routes, readiness, lifeSigns, isServing, notFound }: PageOptions,
): HttpRoute {
  switch (path) {
    case "/healthz":
      return (_, response) => sendJson(response, 200, { ...lifeSigns?.(), status: "ok" });
    case "/readyz":
      return (_, response) => {
        const { ready, details } = readiness?.() ?? { ready: true, details: {} };
        const isReady = ready && isServing();
        sendJson(response, isReady ? 200 : 503, { ...details, ready: isReady });
      };
    default:
      return routes?.(path) ?? notFound;
  }
}

/** Ends a response that has begun as it is. */
export function sendJson(response: HttpResponse, status: number, body: object): void {
  if (!response.headersSent) {
    const text = JSON.stringify(body);
    response.statusCode = status;
    response.setHeader("content-type", "application/json");
    response.setHeader("content-length", Buffer.byteLength(text));
    response.setHeader("cache-control", "no-store");
    response.end(text);
    return;
  }
  response.end();
}
