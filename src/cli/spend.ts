import { toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { GetSpendResponseSchema } from "../../gen/atlas/v1/insight_service_pb.ts";
import { controlsOf } from "./call-deadline.ts";
import type { CliWorld } from "./cli-world.ts";
import { formatSpend } from "./format-spend.ts";
import type { GlobalOptions } from "./global-options.ts";
import { layoutOf } from "./layout.ts";
import { collectList, parseCount } from "./parse-value.ts";
import { UsageProblem } from "./usage-problem.ts";
import { withServer } from "./with-server.ts";

type SpendOptions = GlobalOptions & {
  readonly hours?: number;
  readonly by?: readonly string[];
  readonly top?: number;
};

const TIMEOUT_MS = 30_000;
const DEFAULT_HOURS = 24;
const DEFAULT_GROUPS = ["application", "model"];

export function addSpendCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("spend")
    .summary("sum up what calls have cost")
    .description(
      "Sums up what the calls of the last hours have cost, the dearest first. A call counts with the list " +
        "price of its endpoint at the time of the call; calls of unknown price are counted apart and " +
        "never as free.",
    )
    .option("--hours <n>", "clock hours before the running one (default: 24)", parseCount)
    .option(
      "--by <names>",
      "what to tell apart: application, operation, model, endpoint, tier or label:<key>, separated by " +
        "commas; may be repeated (default: application,model)",
      collectList,
    )
    .option("--top <n>", "most rows, up to 1000 (default: 20)", parseCount)
    .addHelpText(
      "after",
      `
Each replica sums up the calls that it served itself, since it started: with several, --server names
the one to ask, and the costs of the fleet are their sums. Attempts that were given
up after their answer had begun are billed too: what they cost is shown beside the calls.

Examples:
  $ atlas spend
  $ atlas spend --hours 1 --by endpoint
  $ atlas spend --by label:team,model --top 50 --json`,
    )
    .action(async () => {
      await showSpend(world, command.optsWithGlobals<SpendOptions>());
    });
}

async function showSpend(world: CliWorld, options: SpendOptions): Promise<void> {
  const { hours = DEFAULT_HOURS, by: groupBy = DEFAULT_GROUPS, top = 20 } = options;
  if (top === 0) {
    throw new UsageProblem("--top must be at least 1");
  }
  const query = { hours, groupBy: [...groupBy], top };
  await withServer(world, options, async ({ insight, signal }) => {
    const response = await insight.getSpend(query, controlsOf(signal, TIMEOUT_MS));
    world.stdout.write(
      options.json
        ? `${toJsonString(GetSpendResponseSchema, response, { prettySpaces: 2 })}\n`
        : formatSpend(response, { ...layoutOf(world), groupBy, hours }),
    );
  });
}
