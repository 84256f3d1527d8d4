/**
 * The fleet's control API: JSON over HTTP on a port of its own.
 *
 *     GET   /endpoints              200 {"endpoints": [View, …]}
 *     GET   /endpoints/{id}         200 View = {id, provider, dialect, upstreamModel, baseUrl,
 *                                              profile, stats}
 *     PATCH /endpoints/{id}         200 View; the body is part of a profile, merged group by group
 *                                   400 {"problems": [{"path", "message"}, …]}; nothing changed
 *     POST  /endpoints/{id}/reset   200 View; the starting profile, every count at zero
 *
 * `{id}` is URL-encoded; slashes may stand as they are. A change holds for requests that start after
 * the answer. Unknown endpoints and paths answer 404, wrong methods 405, both {"error": text}.
 * The profile's fields, units and ranges are those of `profile.ts`.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Endpoint } from "./endpoint.ts";
import type { JsonObject } from "./json-value.ts";
import { readBody } from "./read-body.ts";

export type ControlledFleet = {
  readonly endpoints: ReadonlyMap<string, Endpoint>;
  baseUrl(endpointId: string): string;
};

type Answer = { readonly status: number; readonly body: JsonObject };

const MAX_BODY_BYTES = 1024 * 1024;
const PATH = /^\/endpoints(?:\/(?<id>.+?)(?<reset>\/reset)?)?\/?$/;

export function createControlApi(fleet: ControlledFleet): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    readBody(request, MAX_BODY_BYTES, (body) => {
      const answer = route(fleet, request, body ?? "");
      response.writeHead(answer.status, { "content-type": "application/json" });
      response.end(JSON.stringify(answer.body));
    });
  };
}

function route(
  fleet: ControlledFleet,
  { method, url = "" }: IncomingMessage,
  body: string,
): Answer {
  const groups = PATH.exec(url.split("?")[0] ?? "")?.groups;
  if (groups === undefined) {
    return failure(404, `no such path: ${url}`);
  }
  const { id, reset } = groups;
  if (id === undefined) {
    return method === "GET" ? listAll(fleet) : failure(405, "only GET lists endpoints");
  }
  const endpoint = fleet.endpoints.get(decoded(id));
  if (endpoint === undefined) {
    return failure(404, `no such endpoint: ${id}`);
  }
  switch (`${method} ${reset ?? ""}`) {
    case "GET ":
      return { status: 200, body: viewOf(fleet, endpoint) };
    case "PATCH ":
      return patch(fleet, endpoint, body);
    case "POST /reset":
      endpoint.reset();
      return { status: 200, body: viewOf(fleet, endpoint) };
    default:
      return failure(405, `${method} is not possible on ${url}`);
  }
}

function listAll(fleet: ControlledFleet): Answer {
  const endpoints = [...fleet.endpoints.values()].map((endpoint) => viewOf(fleet, endpoint));
  return { status: 200, body: { endpoints } };
}

function patch(fleet: ControlledFleet, endpoint: Endpoint, body: string): Answer {
  const parsed = endpoint.configure(parseJson(body));
  return parsed.kind === "valid"
    ? { status: 200, body: viewOf(fleet, endpoint) }
    : { status: 400, body: { problems: parsed.problems } };
}

function viewOf(fleet: ControlledFleet, endpoint: Endpoint): JsonObject {
  const { id, provider, dialect, upstreamModel } = endpoint.spec;
  const baseUrl = fleet.baseUrl(id);
  const profile = endpoint.profile();
  return { id, provider, dialect, upstreamModel, baseUrl, profile, stats: endpoint.stats.read() };
}

function failure(status: number, error: string): Answer {
  return { status, body: { error } };
}

/** `undefined` is no profile either, and the parser says so. */
function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
