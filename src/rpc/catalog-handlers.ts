import {
  CatalogService,
  EndpointHealth_State,
  type ListModelsRequest,
  type ListModelsResponse,
  type WatchEndpointsResponse,
  type Endpoint as WireEndpoint,
} from "../../gen/atlas/v1/catalog_service_pb.ts";
import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import type { Model } from "../domain/model.ts";
import { RouterError } from "../domain/router-error.ts";
import { deadlineOf } from "./deadline.ts";
import { MAX_MODEL_CHARS } from "./decode-spec.ts";
import { encodeEndpoint, encodeModel } from "./encode-catalog.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { type CallContext, defineService, type RpcService, type Write } from "./rpc-service.ts";
import type { SharedHealth } from "./shared-health.ts";
import { tierRoutesOf } from "./tier-routes.ts";
import { watch } from "./watch-loop.ts";

const DEFAULT_PAGE_SIZE = 50;
const MAX_PAGE_SIZE = 500;

export type CatalogPorts = HandlerPorts & { readonly health: SharedHealth };

export function createCatalogService(ports: CatalogPorts): RpcService {
  return defineService(
    CatalogService,
    {
      async listModels(request) {
        return listModels(request, ports.catalog());
      },

      async getModel({ id, operation }, context) {
        const catalog = ports.catalog();
        const scores = ports.scores();
        const model = findModel(catalog, id, "id");
        const endpoints = viewEndpoints(catalog, model.id, ports);
        return {
          $typeName: "atlas.v1.GetModelResponse",
          model: encodeModel(model),
          endpoints,
          cheapestEndpoint: cheapestOf(endpoints),
          fastestEndpoint: fastestOf(endpoints),
          tierRoutes: tierRoutesOf({
            router: ports.router,
            model: model.id,
            operation,
            decisionId: ports.newId(),
            deadlineMs: deadlineOf(context, ports.limits),
          }),
          catalogRevision: BigInt(catalog.revision),
          scoreRevision: BigInt(scores.revision),
          priceVersion: catalog.priceVersion,
        };
      },

      watchEndpoints: (request, context, write) =>
        watchEndpoints(request.model, { ...ports, context, write }),
    },
    { endless: ["watchEndpoints"] },
  );
}

function listModels(
  { pageSize, pageToken, query }: ListModelsRequest,
  catalog: CatalogSnapshot,
): ListModelsResponse {
  if (pageSize < 0) {
    throw new RouterError("invalid-request", "page_size must not be negative", {
      violations: [{ field: "page_size", description: "must not be negative" }],
    });
  }
  const after = decodePageToken(pageToken, query);
  const size = pageSize === 0 ? DEFAULT_PAGE_SIZE : Math.min(pageSize, MAX_PAGE_SIZE);
  const wanted = query.toLowerCase();
  const found = catalog.models.filter((model) => model.id > after && matches(model, wanted));
  const page = found.slice(0, size);
  const last = found.length > size ? page.at(-1) : undefined;
  return {
    $typeName: "atlas.v1.ListModelsResponse",
    models: page.map(encodeModel),
    nextPageToken: last === undefined ? "" : encodePageToken(query, last.id),
    catalogRevision: BigInt(catalog.revision),
    priceVersion: catalog.priceVersion,
  };
}

function matches({ id, displayName, aliases }: Model, wanted: string): boolean {
  const isMatch = (name: string) => name.toLowerCase().includes(wanted);
  return isMatch(id) || isMatch(displayName) || aliases.some(isMatch);
}

/** Throws when there is none. `field` is where the request names it. */
function findModel(catalog: CatalogSnapshot, id: string, field: string): Model {
  if (id === "" || id.length > MAX_MODEL_CHARS) {
    const description = `must have 1 to ${MAX_MODEL_CHARS} characters`;
    throw new RouterError("invalid-request", `${field} ${description}`, {
      violations: [{ field, description }],
    });
  }
  const model = catalog.model(id);
  if (model === undefined) {
    throw new RouterError("model-not-found", `The catalogue has no model ${id}.`, {
      metadata: { model: id },
    });
  }
  return model;
}

type ViewPorts = Pick<CatalogPorts, "scores" | "live" | "health" | "nowMs">;

/** Ascending by input price, unknown prices last; ties by output price, then by id. */
function viewEndpoints(
  catalog: CatalogSnapshot,
  modelId: string,
  { scores, live, health, nowMs }: ViewPorts,
): WireEndpoint[] {
  const { scores: byId, windowEndMs } = scores();
  const atMs = nowMs();
  return catalog
    .endpointsOf(modelId)
    .toSorted(byPrice)
    .map((endpoint) =>
      encodeEndpoint(endpoint, {
        score: byId.get(endpoint.id),
        windowEndMs,
        live: live.of(endpoint.id),
        outside: health.outside(endpoint.id),
        nowMs: atMs,
      }),
    );
}

function byPrice({ pricing: left }: Endpoint, { pricing: right }: Endpoint): number {
  return (
    compare(left.inputPerMtok, right.inputPerMtok) ||
    compare(left.outputPerMtok, right.outputPerMtok)
  );
}

function compare(left: number | undefined, right: number | undefined): number {
  const [a, b] = [left ?? Number.POSITIVE_INFINITY, right ?? Number.POSITIVE_INFINITY];
  return a === b ? 0 : a - b;
}

/** The endpoints are in the order of their prices; among equal ones the healthiest wins. */
function cheapestOf(endpoints: readonly WireEndpoint[]): string {
  const [first] = endpoints;
  const lowest = first?.pricing;
  if (lowest?.inputNanoUsdPerMtok === undefined) {
    return "";
  }
  const equal = endpoints.filter(
    ({ pricing }) =>
      pricing?.inputNanoUsdPerMtok === lowest.inputNanoUsdPerMtok &&
      pricing?.outputNanoUsdPerMtok === lowest.outputNanoUsdPerMtok,
  );
  const [cheapest] = equal.toSorted((left, right) => ailment(left) - ailment(right));
  return cheapest?.id ?? "";
}

/** States are numbered from best to worst; nothing known is no better than healthy. */
function ailment({ health }: WireEndpoint): number {
  return Math.max(health?.state ?? 0, EndpointHealth_State.HEALTHY);
}

function fastestOf(endpoints: readonly WireEndpoint[]): string {
  let fastest: { readonly id: string; readonly p95: number } | undefined;
  for (const { id, stats } of endpoints) {
    const p95 = stats?.outputTokensPerSecondP95;
    if (p95 !== undefined && p95 > (fastest?.p95 ?? 0)) {
      fastest = { id, p95 };
    }
  }
  return fastest?.id ?? "";
}

type WatchPorts = Pick<CatalogPorts, "catalog" | "schedule"> &
  ViewPorts & {
    readonly context: CallContext;
    readonly write: Write<WatchEndpointsResponse>;
  };

/** Sends when a revision has changed, until the caller leaves. */
async function watchEndpoints(id: string, ports: WatchPorts): Promise<void> {
  const { catalog, scores, health, write, context } = ports;
  const model = findModel(catalog(), id, "model").id;
  let sent = "";
  await watch({
    ...ports,
    onChange: health.onScores,
    send() {
      const snapshot = catalog();
      const scoreRevision = scores().revision;
      const revisions = `${snapshot.revision}/${scoreRevision}`;
      if (revisions === sent || context.isBehind()) {
        return false;
      }
      sent = revisions;
      findModel(snapshot, model, "model");
      write({
        $typeName: "atlas.v1.WatchEndpointsResponse",
        endpoints: viewEndpoints(snapshot, model, ports),
        scoreRevision: BigInt(scoreRevision),
      });
      return true;
    },
  });
}
