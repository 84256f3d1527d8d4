import type { Endpoint } from "../domain/catalog.ts";
import type { SimulatedEndpoint } from "../simulator/endpoint.ts";
import { type Fleet, startFleet } from "../simulator/fleet.ts";
import { providerProfile } from "../simulator/provider-profiles.ts";

export type SimulatedFleetOptions = {
  /** Of all randomness. Default 1. */
  readonly seed?: number | undefined;
  /** Default: a free port. */
  readonly controlPort?: number | undefined;
  /** Factor on every delay: 1 is real time, 0 none. Default 1. */
  readonly timeScale?: number | undefined;
};

/** Serves these endpoints of the catalogue on loopback, each with the profile of its provider. */
export function startSimulatedFleet(
  endpoints: readonly Endpoint[],
  { seed = 1, controlPort = 0, timeScale = 1 }: SimulatedFleetOptions,
): Promise<Fleet> {
  return startFleet(simulationsOf(endpoints, timeScale), { seed, controlPort });
}

/** The one fleet of a process, whatever its catalogue becomes. */
export type KeptFleet = {
  /**
   * The fleet, serving these endpoints too; absent until there is one to serve. Endpoints that are not
   * named any more stay, because calls in flight may be on their way to them. One call at a time.
   */
  serving(endpoints: readonly Endpoint[]): Promise<Fleet | undefined>;
  close(): Promise<void>;
};

export function keepSimulatedFleet(options: SimulatedFleetOptions): KeptFleet {
  let fleet: Fleet | undefined;
  return {
    async serving(endpoints) {
      if (fleet !== undefined) {
        await fleet.add(simulationsOf(endpoints, options.timeScale));
      } else if (endpoints.length > 0) {
        fleet = await startSimulatedFleet(endpoints, options);
      }
      return fleet;
    },
    async close() {
      await fleet?.close();
    },
  };
}

function simulationsOf(
  endpoints: readonly Endpoint[],
  timeScale = 1,
): readonly SimulatedEndpoint[] {
  return endpoints.map(({ id, provider, dialect, upstreamModel, contextLength }) => ({
    id,
    provider: provider.id,
    dialect,
    upstreamModel,
    profile: { timeScale, contextLength, ...providerProfile(id, provider.id) },
  }));
}
