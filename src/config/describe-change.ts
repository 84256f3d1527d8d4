import { formatPath } from "../decode/problems.ts";
import type { Config } from "./config.ts";
import { isSecret } from "./secret.ts";

/** What a reload changes. Paths are in code point order; values are not shown, since some are secret. */
export type ConfigChange = {
  /** Keys whose values differ from those before. */
  readonly changed: readonly string[];
  /**
   * Keys that are read once and whose values differ from those the process started with: what the file
   * says and the process does not do. Told again until they are equal or the process starts anew.
   */
  readonly needRestart: readonly string[];
};

/**
 * Keys that are read once, each with everything below it: sockets and what the listeners were opened
 * with, the bus and what hangs on it, the fleet, whose endpoints' addresses everything else holds, and
 * what holds a state of its own, such as the retry budget, the connections to providers and what
 * is kept of past calls.
 */
const readOnce: readonly string[] = [
  "errorDomain",
  "listen",
  "limits",
  "scores",
  "role",
  "replica",
  "bus",
  "health",
  "prober",
  "simulator",
  "retry.budgetRatio",
  "retry.budgetReservePerSecond",
  "timeouts.connectMs",
  "timeouts.defaultDeadlineMs",
  "timeouts.writeStallMs",
  "stream.heartbeatMs",
  "telemetry.traces.mode",
  "telemetry.traces.content",
  "telemetry.traces.redact",
  "telemetry.metrics",
  "telemetry.calls",
  "telemetry.spend",
  "log",
];

/** Whether a change of the key at this path takes effect only after a restart. */
export function needsRestart(path: readonly string[]): boolean {
  const key = `${path.join(".")}.`;
  return readOnce.some((once) => key.startsWith(`${once}.`));
}

type ConfigVersions = {
  /** What the process runs with, as far as it is read once. */
  readonly started: Config;
  /** What the last reload left. */
  readonly before: Config;
  readonly after: Config;
};

export function describeChange({ started, before, after }: ConfigVersions): ConfigChange {
  return {
    changed: namesOf(differences(before, after, [])),
    needRestart: namesOf(differences(started, after, []).filter(needsRestart)),
  };
}

function namesOf(paths: readonly Path[]): readonly string[] {
  return paths.map(formatPath).sort();
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
