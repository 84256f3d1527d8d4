import type { CallEnd, CompletionCall } from "../domain/call.ts";
import type { RouteDecision } from "../domain/plan.ts";
import type { deadlineRooms } from "./labels.ts";

export type DeadlineRoom = (typeof deadlineRooms)[number];

/**
 * A caller's library hangs up at its deadline, a moment after ours, and comes first when this process is late.
 * So one that leaves so shortly before counts as out of time; less where there is little time, a tenth of it.
 */
const HANG_UP_MS = 100;

/**
 * How much time the caller had left for an answer, when its deadline passed before an endpoint that was asked
 * began one. Absent of every call that ended otherwise.
 *
 * Nobody can say of one such call whose fault it is: the endpoint may hang, or the caller give less time than
 * the model takes. What the plan expected tells the two apart as far as they can be.
 */
export function overdueRoomOf(call: CompletionCall, end: CallEnd): DeadlineRoom | undefined {
  const { decision, attempts } = end;
  const last = attempts.at(-1);
  return decision !== undefined &&
    last !== undefined &&
    last.firstTokenMs === undefined &&
    isOutOfTime(call, end)
    ? roomOf(call, decision)
    : undefined;
}

function isOutOfTime(call: CompletionCall, { error, timings }: CallEnd): boolean {
  const { receivedAtMs, deadlineMs } = call;
  const slackMs = Math.min(HANG_UP_MS, (deadlineMs - receivedAtMs) / 10);
  return (
    error?.code === "deadline-exceeded" ||
    (error?.code === "canceled" && receivedAtMs + timings.total >= deadlineMs - slackMs)
  );
}

function roomOf(
  { deadlineMs, streaming }: CompletionCall,
  { decidedAtMs, prediction, estimatedOutputTokens }: RouteDecision,
): DeadlineRoom {
  const { firstTokenP50Ms, firstTokenP95Ms, tokensPerSecond, measured } = prediction;
  const leftMs = deadlineMs - decidedAtMs;
  const generationMs = streaming ? 0 : (1_000 * estimatedOutputTokens) / tokensPerSecond;
  if (leftMs < firstTokenP50Ms + generationMs / 2) {
    return "short";
  }
  // Figures that stand in for measurements do not say that the deadline would have been long enough.
  return measured && leftMs >= firstTokenP95Ms + generationMs ? "ample" : "tight";
}
