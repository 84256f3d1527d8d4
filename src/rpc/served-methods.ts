import { CatalogService } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { InsightService } from "../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../gen/atlas/v1/scoring_service_pb.ts";

const services = [RouterService, CatalogService, ScoringService, InsightService];

/** What the libraries answer by themselves. */
const standard = [
  "grpc.health.v1.Health/Check",
  "grpc.health.v1.Health/List",
  "grpc.health.v1.Health/Watch",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

/** Every method that an RPC can be of, as `RpcEnd` names them: `atlas.v1.RouterService/Complete`. */
export const servedMethods: readonly string[] = [
  ...services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`)),
  ...standard,
];
