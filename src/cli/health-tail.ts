import { create, equals, toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import {
  type EndpointScore,
  EndpointScoreSchema,
  type ScoreSnapshot,
  WatchScoresResponseSchema,
} from "../../gen/atlas/v1/scoring_service_pb.ts";
import { type Bus, BusUnavailable } from "../domain/bus.ts";
import { type CliWorld, type ConnectBus, exitCodes } from "./cli-world.ts";
import { formatCount, formatNumberOf } from "./figures.ts";
import { formatScoreLine } from "./format-scores.ts";
import type { GlobalOptions } from "./global-options.ts";
import { layoutOf } from "./layout.ts";
import { collect } from "./parse-value.ts";
import { tailBus } from "./tail-bus.ts";
import { createTailLog } from "./tail-log.ts";
import { readTailSettings, type TailSettings } from "./tail-settings.ts";
import { timeOfDay } from "./time-of-day.ts";
import { UsageProblem } from "./usage-problem.ts";
import { reportLocal, withServer } from "./with-server.ts";

type TailOptions = GlobalOptions & TailSettings & { readonly endpoint?: string };

export function addHealthTailCommand(
  health: Command,
  world: CliWorld,
  connectBus: ConnectBus,
): void {
  const command = health
    .command("tail")
    .summary("show scores, and with --nats or --config reports, as they pass")
    .description(
      "Shows every revision of the scores with the endpoints that have changed, until it is interrupted. " +
        "With --nats or --config it reads the bus itself and shows every health report as well. It makes " +
        "and changes nothing there.",
    )
    .option(
      "--nats <urls>",
      "bus to read in place of a router: nats://host:4222; may be repeated",
      collect,
    )
    .option(
      "--config <file>",
      "configuration whose bus.nats has the address, login and TLS of the bus",
    )
    .option("--endpoint <id>", "only what is about this endpoint (default: all)")
    .addHelpText(
      "after",
      `
Examples:
  $ atlas health tail
  $ atlas health tail --nats nats://localhost:4222 --json | jq .report
  $ atlas health tail --config atlas.yaml`,
    )
    .action(async () => {
      const options = command.optsWithGlobals<TailOptions>();
      await (options.nats === undefined && options.config === undefined
        ? tailScores(world, options)
        : tailReports(world, options, connectBus));
    });
}

async function tailScores(world: CliWorld, options: TailOptions): Promise<void> {
  const endpoints = options.endpoint === undefined ? [] : [options.endpoint];
  await withServer(world, options, async ({ scoring, signal }) => {
    let before: ReadonlyMap<string, EndpointScore> = new Map();
    for await (const message of scoring.watchScores({ endpoints }, { signal })) {
      const { snapshot } = message;
      if (options.json) {
        world.stdout.write(`${toJsonString(WatchScoresResponseSchema, message)}\n`);
      } else if (snapshot !== undefined) {
        world.stdout.write(formatRevision(world, snapshot, before));
        before = new Map(snapshot.scores.map((score) => [score.endpoint, score]));
      }
    }
  });
}

function formatRevision(
  world: CliWorld,
  { revision, scores }: ScoreSnapshot,
  before: ReadonlyMap<string, EndpointScore>,
): string {
  const { paint } = layoutOf(world);
  const changed = scores.filter((score) => !isSame(score, before.get(score.endpoint)));
  const gone = before.size + changed.filter(({ endpoint }) => !before.has(endpoint)).length;
  const lines = changed.map((score) => `  ${formatScoreLine(score)}\n`);
  const left = gone - scores.length;
  const head =
    `${timeOfDay(world.nowMs())}  revision ${formatCount(revision)}: ` +
    `${formatNumberOf(scores.length, "endpoint")}, ${formatCount(changed.length)} changed` +
    (left > 0 ? `, ${formatCount(left)} gone` : "");
  return `${paint.bold(head)}\n${lines.join("")}`;
}

/** The end of the window moves with every revision and changes nothing. */
function isSame(score: EndpointScore, before: EndpointScore | undefined): boolean {
  return before !== undefined && equals(EndpointScoreSchema, timeless(score), timeless(before));
}

function timeless(score: EndpointScore): EndpointScore {
  const { stats } = score;
  return stats === undefined
    ? score
    : create(EndpointScoreSchema, { ...score, stats: { ...stats, windowEndTime: undefined } });
}

async function connect(
  world: CliWorld,
  options: TailOptions,
  connectBus: ConnectBus,
): Promise<Bus> {
  const { tlsCa, tlsCert, tlsKey } = options;
  if (tlsCa !== undefined || tlsCert !== undefined || tlsKey !== undefined) {
    throw new UsageProblem(
      "--tls options are about a router; the bus has bus.nats.tls in --config",
    );
  }
  const nats = await readTailSettings(options, world);
  try {
    return await connectBus(nats, createTailLog(world.stderr.write));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageProblem(`--nats: ${reason}`, { cause });
  }
}

async function tailReports(
  world: CliWorld,
  options: TailOptions,
  connectBus: ConnectBus,
): Promise<void> {
  const bus = await connect(world, options, connectBus);
  const { promise: interrupted, resolve } = Promise.withResolvers<void>();
  const stopListening = world.onInterrupt(resolve);
  const tail = tailBus(bus, {
    write: world.stdout.write,
    note: world.stderr.write,
    json: options.json === true,
    endpoint: options.endpoint,
  });
  await interrupted;
  stopListening();
  await tail.stop();
  await bus.close().catch((error: unknown) => {
    if (!(error instanceof BusUnavailable)) {
      throw error;
    }
  });
  reportLocal(world, options, ["INTERRUPTED", "interrupted", exitCodes.interrupted]);
}
