import { formatPath } from "../decode/problems.ts";
import type { Config } from "./config.ts";
import { isSecret } from "./secret.ts";

/** What a reload changes. Paths are in code point order; values are not shown, since some are secret. */
export type ConfigChange = {
  /** Keys whose values differ. */
  readonly changed: readonly string[];
  /** Those of them that take effect only after a restart. */
  readonly needRestart: readonly string[];
};

/**
 * Keys that are read once, each with everything below it: sockets and what the listeners were opened
 * with, the fleet, whose endpoints' addresses everything else holds, and what holds a state of its
 * own, such as the retry budget and the connections to providers.
 */
const readOnce: readonly string[] = [
  "errorDomain",
  "listen",
  "limits",
  "scores",
  "simulator",
  "retry.budgetRatio",
  "retry.budgetReservePerSecond",
  "timeouts.connectMs",
  "timeouts.defaultDeadlineMs",
  "timeouts.writeStallMs",
  "stream.heartbeatMs",
  "log",
];

/** Whether a change of the key at this path takes effect only after a restart. */
export function needsRestart(path: readonly string[]): boolean {
  const key = `${path.join(".")}.`;
  return readOnce.some((once) => key.startsWith(`${once}.`));
}

export function describeChange(before: Config, after: Config): ConfigChange {
  const changes = differences(before, after, []).sort((left, right) =>
    formatPath(left) < formatPath(right) ? -1 : 1,
  );
  return {
    changed: changes.map(formatPath),
    needRestart: changes.filter(needsRestart).map(formatPath),
  };
}

type Path = readonly string[];

function differences(before: unknown, after: unknown, path: Path): Path[] {
  if (isMapping(before) && isMapping(after)) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names].flatMap((name) => differences(before[name], after[name], [...path, name]));
  }
  return equal(before, after) ? [] : [path];
}

function equal(before: unknown, after: unknown): boolean {
  if (isSecret(before) && isSecret(after)) {
    return before.reveal() === after.reveal();
  }
  return JSON.stringify(before) === JSON.stringify(after) && isSecret(before) === isSecret(after);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isSecret(value);
}
