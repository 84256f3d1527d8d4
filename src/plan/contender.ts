import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { Block, LiveState, LiveView, ScoreSnapshot } from "../domain/score.ts";
import type { Demand } from "./demand.ts";
import { type Forecast, forecast } from "./rank.ts";

/**
 * One endpoint on its way through one plan.
 *
 * Scratch space of its planner: made once for a catalogue and its scores and filled again by every plan,
 * because making it anew for each endpoint of each call would be most of a plan's work. Nothing of it
 * leaves the planner.
 */
export type Contender = {
  readonly forecast: Forecast;
  /** Absent: this replica never called it. */
  live: LiveState | undefined;
  /** A soft one. */
  block: Block | undefined;
  /** Nano-USD of the whole call at its estimated size. */
  price: number;
  /** Its typical first token would come after the deadline. */
  tooSlow: boolean;
  /** Nobody knows enough of it yet. */
  cold: boolean;

  /** As `Candidate.band` tells it. */
  band: number;
  /** Groups are tried in ascending order; sampling happens inside the first. */
  group: number;
  /** Takes a small share of the calls in order to become known, whatever its group. */
  explores: boolean;
  /** How much worse than the best of its group by the tier's main measure: 1 is the best. */
  ratio: number;
  /** Factor by which performance moved the weight. */
  performance: number;
  slowStart: number;
  affinity: number;
  /** Of the draw; 0 never comes first while another is above 0. */
  weight: number;
  /** Drawn; the smallest comes first. */
  key: number;
};

/**
 * The contenders for a model with their live states, the same objects until the catalogue, the scores or
 * the live view are others.
 */
export type Rosters = (
  modelId: string,
  from: {
    readonly catalog: CatalogSnapshot;
    readonly scores: ScoreSnapshot;
    readonly live: LiveView;
  },
) => readonly Contender[];

type Kept = {
  readonly scores: ScoreSnapshot;
  readonly live: LiveView;
  readonly roster: readonly Contender[];
};

export function createRosters(): Rosters {
  const kept = new WeakMap<CatalogSnapshot, Map<string, Kept>>();
  return (modelId, { catalog, scores, live }) => {
    let models = kept.get(catalog);
    if (models === undefined) {
      models = new Map();
      kept.set(catalog, models);
    }
    const last = models.get(modelId);
    if (last?.scores === scores && last.live === live) {
      findLive(last.roster, live);
      return last.roster;
    }
    const roster = forecast(catalog.endpointsOf(modelId), scores).map(contenderOf);
    findLive(roster, live);
    models.set(modelId, { scores, live, roster });
    return roster;
  };
}

/** An endpoint gets its live state with its first call and then keeps it. */
function findLive(roster: readonly Contender[], live: LiveView): void {
  for (const contender of roster) {
    contender.live ??= live.of(contender.forecast.endpoint.id);
  }
}

/** Fills a contender that passed every hard rule with what holds for this call. */
export function enter(
  contender: Contender,
  block: Block | undefined,
  price: number,
  { nowMs, remainingMs }: Demand,
): void {
  const { live } = contender;
  const { prediction, known } = contender.forecast;
  contender.block = block;
  contender.price = price;
  contender.tooSlow = prediction.firstTokenP50Ms > remainingMs;
  contender.cold = !known && (live?.cold ?? true);
  contender.explores = false;
  contender.slowStart = live?.slowStart(nowMs) ?? 1;
  contender.affinity = 1;
  // Panic and models that are not reached leave these as they are.
  contender.band = 0;
  contender.ratio = 1;
  contender.performance = 1;
  contender.weight = 0;
}

function contenderOf(one: Forecast): Contender {
  return {
    forecast: one,
    live: undefined,
    block: undefined,
    price: 0,
    tooSlow: false,
    cold: !one.known,
    band: 0,
    group: 0,
    explores: false,
    ratio: 1,
    performance: 1,
    slowStart: 1,
    affinity: 1,
    weight: 0,
    key: 0,
  };
}
