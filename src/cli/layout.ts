import type { CliWorld } from "./cli-world.ts";
import { createPaint, wantsColour } from "./paint.ts";
import type { Layout } from "./text-table.ts";

/** The layout of results on the world's standard output. */
export function layoutOf({ stdout, env }: Pick<CliWorld, "stdout" | "env">): Layout {
  return { columns: stdout.columns, paint: createPaint(wantsColour(stdout, env)) };
}
