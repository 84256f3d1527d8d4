import { create, toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import {
  GetScoresResponseSchema,
  ScoreSnapshotSchema,
} from "../../gen/atlas/v1/scoring_service_pb.ts";
import { controlsOf } from "./call-deadline.ts";
import type { CliWorld } from "./cli-world.ts";
import { formatScores } from "./format-scores.ts";
import type { GlobalOptions } from "./global-options.ts";
import { layoutOf } from "./layout.ts";
import { withServer } from "./with-server.ts";

const TIMEOUT_MS = 30_000;

export function addScoresCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("scores")
    .summary("show the scores that all replicas share")
    .description(
      "Shows the last 30 minutes of every endpoint, or of those that are named, as of the scores that the " +
        "router plans with.",
    )
    .argument("[endpoints...]", "endpoint ids (default: all that anything is known of)")
    .addHelpText(
      "after",
      `
"—" stands where there is too little recent traffic to say. Throughput p95 is the fast end.

Examples:
  $ atlas scores
  $ atlas scores azure/gpt-4o-mini openai/gpt-4o-mini --json`,
    )
    .action(async (endpoints: readonly string[]) => {
      await showScores(world, endpoints, command.optsWithGlobals<GlobalOptions>());
    });
}

async function showScores(
  world: CliWorld,
  endpoints: readonly string[],
  options: GlobalOptions,
): Promise<void> {
  await withServer(world, options, async ({ scoring, signal }) => {
    const response = await scoring.getScores(
      { endpoints: [...endpoints] },
      controlsOf(signal, TIMEOUT_MS),
    );
    const snapshot = response.snapshot ?? create(ScoreSnapshotSchema);
    world.stdout.write(
      options.json
        ? `${toJsonString(GetScoresResponseSchema, response, { prettySpaces: 2 })}\n`
        : formatScores(snapshot, { ...layoutOf(world), nowMs: world.nowMs() }),
    );
  });
}
