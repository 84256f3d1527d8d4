import { create, toJsonString } from "@bufbuild/protobuf";
import { type Duration, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import {
  GetCallResponseSchema,
  ListCallsRequest_Kind,
  ListCallsResponseSchema,
  RecordedCallSchema,
} from "../../gen/atlas/v1/insight_service_pb.ts";
import { controlsOf } from "./call-deadline.ts";
import type { CliWorld } from "./cli-world.ts";
import { formatCallList } from "./format-call-list.ts";
import { formatTrace } from "./format-trace.ts";
import type { GlobalOptions } from "./global-options.ts";
import { layoutOf } from "./layout.ts";
import { parseCount, parseDurationMs } from "./parse-value.ts";
import { UsageProblem } from "./usage-problem.ts";
import { withServer } from "./with-server.ts";

type FilterOptions = {
  readonly slow?: true;
  readonly failed?: true;
  readonly refused?: true;
  readonly fallback?: true;
  readonly model?: string;
  readonly endpoint?: string;
  readonly operation?: string;
  readonly longerThan?: number;
  readonly limit?: number;
};

type TraceOptions = GlobalOptions & FilterOptions;

const TIMEOUT_MS = 30_000;

export function addTraceCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("trace")
    .summary("show why a call was slow, dear or wrong")
    .description(
      "Shows where the time and the money of a recent call went: every attempt with its outcome, why its " +
        "endpoint was chosen, its cost, and its trace id. Without a call it lists the recent ones. The " +
        "router remembers the newest calls, and for longer those that were slow, failed or needed several " +
        "attempts; apart from them those that were refused; never their texts.",
    )
    .argument("[call]", "call id, its first 4 characters or more, or a trace id")
    .option("--slow", "list calls, the longest first")
    .option("--failed", "list calls that failed, refused ones not among them")
    .option("--refused", "list calls that were refused to their caller, no endpoint asked")
    .option("--fallback", "list calls that needed more than one attempt")
    .option("--model <model>", "list only calls of this model: its id, or as the caller named it")
    .option("--endpoint <id>", "list only calls that tried this endpoint")
    .option("--operation <name>", "list only calls of this operation")
    .option("--longer-than <duration>", "list only calls that took at least this", parseDurationMs)
    .option("--limit <n>", "most calls to list, up to 500 (default: 20)", parseCount)
    .addHelpText(
      "after",
      `
Each replica remembers the calls that it served itself: with several, --server names the one to ask.
The id of a call is the id of its answer, and \`atlas complete\` prints it.

Examples:
  $ atlas trace --slow
  $ atlas trace 0b0b6c1e
  $ atlas trace --failed --endpoint azure/gpt-4o-mini --json`,
    )
    .action(async (call: string | undefined) => {
      const options = command.optsWithGlobals<TraceOptions>();
      await (call === undefined ? listCalls(world, options) : showCall(world, call, options));
    });
}

async function showCall(world: CliWorld, id: string, options: TraceOptions): Promise<void> {
  const filters = filterNames(options);
  if (filters.length > 0) {
    throw new UsageProblem(`${filters.join(", ")} list calls, so no call can be named with them`);
  }
  await withServer(world, options, async ({ insight, signal }) => {
    const response = await insight.getCall({ id }, controlsOf(signal, TIMEOUT_MS));
    const call = response.call ?? create(RecordedCallSchema);
    world.stdout.write(
      options.json
        ? `${toJsonString(GetCallResponseSchema, response, { prettySpaces: 2 })}\n`
        : formatTrace(call, response.otherCallIds, layoutOf(world)),
    );
  });
}

async function listCalls(world: CliWorld, options: TraceOptions): Promise<void> {
  const { model = "", endpoint = "", operation = "", longerThan, limit = 20 } = options;
  if (limit === 0) {
    throw new UsageProblem("--limit must be at least 1");
  }
  const minDuration: Duration | undefined =
    longerThan === undefined ? undefined : durationFromMs(longerThan);
  const filter = {
    kind: kindOf(options),
    model,
    endpoint,
    operation,
    limit,
    ...(minDuration && { minDuration }),
  };
  await withServer(world, options, async ({ insight, signal }) => {
    const response = await insight.listCalls(filter, controlsOf(signal, TIMEOUT_MS));
    world.stdout.write(
      options.json
        ? `${toJsonString(ListCallsResponseSchema, response, { prettySpaces: 2 })}\n`
        : formatCallList(response, { ...layoutOf(world), nowMs: world.nowMs() }),
    );
  });
}

function kindOf({ slow, failed, refused, fallback }: FilterOptions): ListCallsRequest_Kind {
  const kinds = [
    ...(slow ? [ListCallsRequest_Kind.SLOW] : []),
    ...(failed ? [ListCallsRequest_Kind.FAILED] : []),
    ...(refused ? [ListCallsRequest_Kind.REFUSED] : []),
    ...(fallback ? [ListCallsRequest_Kind.FALLBACK] : []),
  ];
  if (kinds.length > 1) {
    throw new UsageProblem("--slow, --failed, --refused and --fallback exclude each other");
  }
  return kinds[0] ?? ListCallsRequest_Kind.UNSPECIFIED;
}

/** Of the options that were given. */
function filterNames(options: FilterOptions): readonly string[] {
  const { slow, failed, refused, fallback, model, endpoint, operation, longerThan, limit } =
    options;
  const given = {
    "--slow": slow,
    "--failed": failed,
    "--refused": refused,
    "--fallback": fallback,
    "--model": model,
    "--endpoint": endpoint,
    "--operation": operation,
    "--longer-than": longerThan,
    "--limit": limit,
  };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : name));
}
