import type { Refusals, RejectionReason } from "../domain/plan.ts";
import type { Survey } from "./survey.ts";

/**
 * How many endpoints each reason was held against, each endpoint once. Absent when nothing was held against
 * any.
 */
export function refusalsOf(surveys: readonly Survey[]): readonly Refusals[] | undefined {
  let all: Refusals[] | undefined;
  for (const survey of surveys) {
    const { model, refused, contenders } = survey;
    const blocked = isEveryoneReady(survey) ? undefined : blocksAmong(contenders);
    if (refused.size > 0 || blocked !== undefined) {
      all ??= [];
      addTo(all, model.id, refused);
      addTo(all, model.id, blocked);
    }
  }
  return all;
}

type Counts = ReadonlyMap<RejectionReason, number>;

function addTo(all: Refusals[], model: string, counts: Counts | undefined): void {
  if (counts !== undefined) {
    for (const [reason, endpoints] of counts) {
      all.push({ model, reason, endpoints });
    }
  }
}

/** Nothing was left out, which spares looking at each. */
function isEveryoneReady({ availability, contenders }: Survey): boolean {
  return (
    availability.kind === "empty" ||
    ("usable" in availability && availability.usable === contenders)
  );
}

/** Whether they were overruled or not. */
function blocksAmong(contenders: Survey["contenders"]): Counts {
  const counts = new Map<RejectionReason, number>();
  for (const { block, tooSlow } of contenders) {
    const reason = block?.reason ?? (tooSlow ? "too-slow-for-deadline" : undefined);
    if (reason !== undefined) {
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
  }
  return counts;
}
