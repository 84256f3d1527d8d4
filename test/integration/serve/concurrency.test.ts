import { ConnectError } from "@connectrpc/connect";
import { afterEach, describe, expect, test } from "vitest";
import { configureEndpoint, routerClient, specOf } from "../../support/router-client.ts";
import { INSTANT_FLEET, type RunningRouter, startRouter } from "../../support/running-router.ts";

const MODEL = "openai/gpt-4o-mini";
let router: RunningRouter;

afterEach(async () => {
  await router.stop();
});

/** Runs calls with a fixed number in flight, and counts how they ended. */
async function load(calls: number, inFlight: number): Promise<ReadonlyMap<string, number>> {
  const client = routerClient(router.grpcUrl);
  const endings = new Map<string, number>();
  let started = 0;
  const worker = async () => {
    while (started < calls) {
      started += 1;
      const ending = await client.complete({ spec: specOf(MODEL) }).then(
        () => "answered",
        (error) => ConnectError.from(error).message,
      );
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return endings;
}

describe("with one endpoint of three failing every call", () => {
  test.each([4, 10, 30, 100])("%i calls in flight are all answered", async (inFlight) => {
    router = await startRouter({ config: INSTANT_FLEET });
    const fault = { serverError: { rate: 1, status: 500 } };
    await configureEndpoint(router.fleetUrl, "openai/gpt-4o-mini", fault);
    expect(Object.fromEntries(await load(400, inFlight))).toEqual({ answered: 400 });
  });
});

describe("with an endpoint that pushes back now and then", () => {
  test("calls go elsewhere and none is refused", async () => {
    router = await startRouter({ config: INSTANT_FLEET });
    const pushback = { rateLimited: { rate: 0.05, retryAfterSeconds: 1 } };
    await configureEndpoint(router.fleetUrl, "openai/gpt-4o-mini", pushback);
    await configureEndpoint(router.fleetUrl, "azure/eastus/gpt-4o-mini", pushback);
    expect(Object.fromEntries(await load(400, 20))).toEqual({ answered: 400 });
  });
});
