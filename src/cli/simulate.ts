import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import { exitCodes } from "./cli-world.ts";
import { layoutOf } from "./layout.ts";
import { loadCatalog, simulatedCatalog } from "./load-catalog.ts";
import { portProblem, type WantedPort } from "./port-problem.ts";
import type { SimulateOptions } from "./server-options.ts";
import type { ServerWorld } from "./server-world.ts";
import { startSimulatedFleet } from "./simulated-fleet.ts";
import { renderTable } from "./text-table.ts";
import { UsageProblem } from "./usage-problem.ts";

/** Runs the fleet for the shipped catalogue until it is told to stop. */
export async function simulate(options: SimulateOptions, world: ServerWorld): Promise<void> {
  const { stdout } = world;
  const loaded = await loadCatalog(world.readFile, []);
  if (!loaded.ok) {
    const problems = loaded.problems.map(({ path, message }) => `${path}: ${message}`);
    throw new UsageProblem(problems.join("\n"));
  }
  const endpoints = endpointsToServe(simulatedCatalog(loaded.catalog), options.models);
  const { promise: stopped, resolve: stop } = Promise.withResolvers<void>();
  const offStop = world.onStop(stop);
  const fleet = await startSimulatedFleet(endpoints, options).catch((error: unknown) => {
    offStop();
    throw new UsageProblem(portProblem(controlPortOf(options), error), { cause: error });
  });
  const table = renderTable(
    [{ title: "endpoint" }, { title: "dialect" }, { title: "model" }, { title: "base URL" }],
    endpoints.map(({ id, dialect, upstreamModel }) => [
      id,
      dialect,
      upstreamModel,
      fleet.baseUrl(id),
    ]),
    layoutOf(world),
  );
  stdout.write(`${table}\nControl API: ${fleet.controlUrl}/endpoints\nCtrl-C ends the fleet.\n`);
  await stopped;
  offStop();
  await fleet.close();
  world.setExitCode(exitCodes.ok);
}

function controlPortOf({ controlPort = 0 }: SimulateOptions): WantedPort {
  return { setting: "--control-port", host: "127.0.0.1", port: controlPort };
}

function endpointsToServe(catalog: CatalogSnapshot, names: readonly string[]): readonly Endpoint[] {
  const models =
    names.length === 0 ? catalog.models : names.map((name) => modelNamed(catalog, name));
  return models.flatMap(({ id }) => catalog.endpointsOf(id));
}

function modelNamed(catalog: CatalogSnapshot, name: string) {
  const model = catalog.model(name);
  if (model === undefined) {
    throw new UsageProblem(`The catalogue has no model ${JSON.stringify(name)}.`);
  }
  return model;
}
