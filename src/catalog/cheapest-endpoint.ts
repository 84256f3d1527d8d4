import type { Endpoint } from "../domain/catalog.ts";
import type { ScoreSnapshot } from "../domain/score.ts";

/**
 * The endpoint with the lowest input price; ties by output price, then by success in the window, then
 * by id. An unknown price is not free: an endpoint without both prices is left out, and so is one that
 * is switched off. Absent while no endpoint is left.
 */
export function cheapestEndpoint(
  endpoints: readonly Endpoint[],
  { scores }: Pick<ScoreSnapshot, "scores">,
): Endpoint | undefined {
  return endpoints
    .flatMap((endpoint) => {
      const { inputPerMtok, outputPerMtok } = endpoint.pricing;
      return !endpoint.enabled || inputPerMtok === undefined || outputPerMtok === undefined
        ? []
        : [
            {
              endpoint,
              inputPerMtok,
              outputPerMtok,
              success: scores.get(endpoint.id)?.success ?? -1,
            },
          ];
    })
    .sort(
      (left, right) =>
        left.inputPerMtok - right.inputPerMtok ||
        left.outputPerMtok - right.outputPerMtok ||
        right.success - left.success ||
        compareIds(left.endpoint, right.endpoint),
    )[0]?.endpoint;
}

function compareIds(left: Endpoint, right: Endpoint): number {
  return left.id < right.id ? -1 : 1;
}
