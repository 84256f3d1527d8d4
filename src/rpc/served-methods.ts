import { CatalogService } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { InsightService } from "../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../gen/atlas/v1/scoring_service_pb.ts";
import { healthPaths } from "./grpc-health.ts";
import { reflectionPaths } from "./reflection.ts";
import { methodName } from "./rpc-service.ts";

/** Those that `createHandlers` has handlers for, if it is given all ports. */
const services = [RouterService, CatalogService, ScoringService, InsightService];

/** Every method that an RPC can be of, as `RpcEnd` names them: `atlas.v1.RouterService/Complete`. */
export const servedMethods: readonly string[] = [
  ...services.flatMap(({ methods }) => methods.map(methodName)),
  // What the libraries answer by themselves.
  ...[...healthPaths, ...reflectionPaths].map((path) => path.slice(1)),
];
