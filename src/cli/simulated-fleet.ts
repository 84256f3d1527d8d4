import type { Endpoint } from "../domain/catalog.ts";
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
  return startFleet(
    endpoints.map(({ id, provider, dialect, upstreamModel, contextLength }) => ({
      id,
      provider: provider.id,
      dialect,
      upstreamModel,
      profile: { timeScale, contextLength, ...providerProfile(id, provider.id) },
    })),
    { seed, controlPort },
  );
}
