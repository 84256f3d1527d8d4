import { describe, expect, test } from "vitest";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";
import { createHandlers, defaultHandlerLimits } from "../../../src/rpc/handlers.ts";
import { methodName } from "../../../src/rpc/rpc-service.ts";
import { servedMethods } from "../../../src/rpc/served-methods.ts";
import { exampleCatalog } from "../../support/example-catalog.ts";
import { createInsight } from "../../support/insight.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { scriptedRouter } from "../../support/scripted-router.ts";

/** Of health checks and of reflection, as their specifications name them. */
const standard = [
  "grpc.health.v1.Health/Check",
  "grpc.health.v1.Health/List",
  "grpc.health.v1.Health/Watch",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

describe("servedMethods", () => {
  test("are those that have handlers, and those of the standard services", () => {
    const handled = createHandlers({
      router: scriptedRouter(),
      catalog: () => exampleCatalog([]),
      scores: () => EMPTY_SCORES,
      live: { of: () => undefined },
      insight: createInsight().insight,
      ...createManualClock(),
      newId: () => "",
      limits: defaultHandlerLimits,
    }).flatMap(({ methods }) => methods.map(({ desc }) => methodName(desc)));
    expect(new Set(servedMethods)).toEqual(new Set([...handled, ...standard]));
    expect(servedMethods).toHaveLength(handled.length + standard.length);
  });
});
