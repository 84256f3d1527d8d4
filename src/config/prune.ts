import type { z } from "zod";
import { formatPath, type Segment, segmentsOf } from "../decode/problems.ts";
import { isMissing } from "../decode/wording.ts";

/**
 * A copy without the values that issues are about, so that the rest can be judged.
 *
 * Gone are unknown keys, and the mapping or list member that holds a wrong or missing value where that
 * value cannot be left out by itself: a list without one of its members would be another list, and a
 * mapping without a required key is none.
 */
export function prune(value: unknown, issues: readonly z.core.$ZodIssue[]): unknown {
  const gone = new Set(issues.flatMap(culprits).map(formatPath));
  function walk(node: unknown, path: readonly Segment[]): unknown {
    return typeof node === "object" && node !== null && !Array.isArray(node)
      ? Object.fromEntries(
          Object.entries(node)
            .filter(([key]) => !gone.has(formatPath([...path, key])))
            .map(([key, item]) => [key, walk(item, [...path, key])]),
        )
      : node;
  }
  return walk(value, []);
}

function culprits(issue: z.core.$ZodIssue): readonly (readonly Segment[])[] {
  const path = segmentsOf(issue);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => [...path, key]);
  }
  const index = path.findIndex((segment) => typeof segment === "number");
  if (index >= 0) {
    return [path.slice(0, index)];
  }
  return [isMissing(issue) ? path.slice(0, -1) : path];
}
