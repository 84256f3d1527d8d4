import { toJsonString } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Command } from "commander";
import {
  type StateSignal_State,
  StateSignal_StateSchema,
} from "../../gen/atlas/events/v1/health_report_pb.ts";
import { PublishHealthResponseSchema } from "../../gen/atlas/v1/scoring_service_pb.ts";
import { controlsOf } from "./call-deadline.ts";
import type { CliWorld } from "./cli-world.ts";
import { wordOf } from "./enum-words.ts";
import type { GlobalOptions } from "./global-options.ts";
import { parseDurationMs, parseWord } from "./parse-value.ts";
import { printableLine } from "./printable-text.ts";
import { withServer } from "./with-server.ts";

type PublishOptions = GlobalOptions & {
  readonly state: StateSignal_State;
  readonly reason: string;
  readonly ttl: number;
  readonly source: string;
};

const DEFAULT_TTL_MS = 10 * 60_000;
const TIMEOUT_MS = 30_000;

export function addHealthPublishCommand(health: Command, world: CliWorld): void {
  const command = health
    .command("publish")
    .summary("claim that an endpoint is up, degraded, down or draining")
    .description(
      "Claims something about an endpoint's state to the whole fleet, until the claim lapses. Endpoints " +
        "that are down or draining are called only when nothing else is left, degraded ones after others.",
    )
    .argument("<endpoint>", "endpoint id, as on the model's page")
    .requiredOption(
      "--state <state>",
      "up, degraded, down or draining",
      parseWord(StateSignal_StateSchema),
    )
    .option("--reason <text>", "why, for people; at most 200 characters", "")
    .option(
      "--ttl <duration>",
      "how long it holds unless it is told again: 30s, 10m; at most 30m (default: 10m)",
      parseDurationMs,
      DEFAULT_TTL_MS,
    )
    .option("--source <name>", "who says so", "cli")
    .addHelpText(
      "after",
      `
Examples:
  $ atlas health publish vllm-eu/llama-4-scout --state draining --reason "driver upgrade" --ttl 20m
  $ atlas health publish vllm-eu/llama-4-scout --state up`,
    )
    .action(async (endpoint: string) => {
      await publish(world, endpoint, command.optsWithGlobals<PublishOptions>());
    });
}

async function publish(world: CliWorld, endpoint: string, options: PublishOptions): Promise<void> {
  const { state, reason, ttl, source, json } = options;
  await withServer(world, options, async ({ scoring, signal }) => {
    const response = await scoring.publishHealth(
      {
        endpoint,
        source,
        signal: { case: "state", value: { state, reason, ttl: durationFromMs(ttl) } },
      },
      controlsOf(signal, TIMEOUT_MS),
    );
    world.stdout.write(
      json
        ? `${toJsonString(PublishHealthResponseSchema, response, { prettySpaces: 2 })}\n`
        : `${printableLine(endpoint)} is reported ${wordOf(StateSignal_StateSchema, state)} for ${formatTtl(ttl)}\n`,
    );
  });
}

/** In the words of the option, in the largest unit that fits. */
function formatTtl(ms: number): string {
  if (ms % 60_000 === 0) {
    return `${ms / 60_000}m`;
  }
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
