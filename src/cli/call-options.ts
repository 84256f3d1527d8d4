import { type Command, InvalidArgumentError, Option } from "commander";
import {
  type ReasoningConfig_Effort,
  ReasoningConfig_EffortSchema,
} from "../../gen/atlas/v1/completion_pb.ts";
import { type Priority, PrioritySchema } from "../../gen/atlas/v1/routing_pb.ts";
import {
  type Quantization,
  QuantizationSchema,
  type Tier,
  TierSchema,
} from "../../gen/atlas/v1/types_pb.ts";
import { MAX_DEADLINE_MS } from "./call-deadline.ts";
import { wordsOf } from "./enum-words.ts";
import {
  collect,
  collectList,
  collectWords,
  parseCount,
  parseDecimal,
  parseDurationMs,
  parseInt64,
  parsePositive,
  parseUsd,
  parseWord,
} from "./parse-value.ts";

/** What `route` and `complete` can ask for, parsed. An absent option leaves the server's default. */
export type CallOptions = {
  readonly tier?: Tier;
  readonly operation?: string;
  readonly only?: readonly string[];
  readonly ignore?: readonly string[];
  readonly order?: readonly string[];
  readonly quantization?: readonly Quantization[];
  readonly region?: readonly string[];
  /** Nano-USD. */
  readonly maxCost?: bigint;
  /** Nano-USD per million tokens. */
  readonly maxInputPrice?: bigint;
  readonly maxOutputPrice?: bigint;
  readonly zdr?: true;
  readonly requireAllParameters?: true;
  /** True unless `--no-fallbacks` is given. */
  readonly fallbacks: boolean;
  readonly fallbackModel?: readonly string[];
  readonly maxAttempts?: number;
  readonly hedge?: boolean;
  readonly priority?: Priority;
  /** Milliseconds. */
  readonly maxFirstToken?: number;
  /** Tokens per second. */
  readonly minThroughput?: number;
  readonly affinity?: string;
  readonly system?: string;
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly maxTokens?: number;
  readonly seed?: bigint;
  readonly stop?: readonly string[];
  readonly n?: number;
  readonly jsonSchema?: string;
  readonly reasoning?: ReasoningConfig_Effort;
  readonly image?: readonly string[];
  readonly messageFile?: string;
  readonly requestId?: string;
  /** Milliseconds. */
  readonly deadline?: number;
};

/** Batches are jobs of their own; the router refuses the tier for a single call. */
const callTiers = wordsOf(TierSchema).filter((word) => word !== "batch");
const MAX_DEADLINE = "1h";

export function addCallOptions(command: Command): Command {
  addRoutingOptions(command.optionsGroup("Routing:"));
  addRankingOptions(command);
  addPromptOptions(command.optionsGroup("Prompt:"));
  addSamplingOptions(command.optionsGroup("Sampling:"));
  refuseTogether(command, ["hedge", "no-hedge"]);
  refuseTogether(command, ["no-fallbacks", "fallback-model"]);
  return command
    .optionsGroup("Call:")
    .option(
      "--request-id <uuid>",
      "idempotency key, also seeds the pick: equal ids repeat a decision",
    )
    .option(
      "--deadline <duration>",
      `give up after this, such as 30s; at most ${MAX_DEADLINE} (default: the router's)`,
      parseDeadlineMs,
    )
    .optionsGroup("Options:");
}

function addRoutingOptions(command: Command): void {
  command
    .addOption(
      new Option(
        "--tier <tier>",
        `promise to buy: ${callTiers.join(", ")} (default: standard)`,
      ).argParser(parseTier),
    )
    .option("--operation <name>", "named task, such as support.reply, whose eval gates apply")
    .option("--only <providers>", "providers that may serve, separated by commas", collectList)
    .option("--ignore <providers>", "providers that may not serve", collectList)
    .option(
      "--quantization <formats>",
      "weight formats that may serve",
      collectWords(QuantizationSchema),
    )
    .option("--region <regions>", "regions that may serve", collectList)
    .option("--max-cost <usd>", "largest estimated cost of the call", parseUsd)
    .option("--max-input-price <usd>", "largest input price per million tokens", parseUsd)
    .option("--max-output-price <usd>", "largest output price per million tokens", parseUsd)
    .option("--zdr", "only endpoints with zero data retention")
    .option("--require-all-parameters", "only endpoints that take every parameter of the call")
    .option("--no-fallbacks", "one attempt at one endpoint, no fallback of any kind")
    .option("--fallback-model <models>", "models to use when none serves the first", collectList)
    .option("--max-attempts <n>", "attempts in all, 1 to 3", parseCount);
}

function addRankingOptions(command: Command): void {
  const priorities = wordsOf(PrioritySchema).join(", ");
  command
    .option("--order <providers>", "providers to prefer, best first", collectList)
    .option("--max-first-token <duration>", "prefer a first token within this", parseDurationMs)
    .option("--min-throughput <rate>", "prefer this many output tokens per second", parsePositive)
    .option(
      "--affinity <key>",
      "lean to the endpoint that served this key last, for its prompt cache",
    )
    .option(
      "--hedge",
      "allow a second attempt beside a slow first one; routers of this version start none",
    )
    .option("--no-hedge", "never start a second attempt beside a slow first one")
    .option(
      "--priority <priority>",
      `who is shed first under overload: ${priorities}`,
      parseWord(PrioritySchema),
    );
}

/**
 * For options of which one would win in silence: of an option and its negation the later one, as
 * commander has it; of others the one that the router heeds.
 */
function refuseTogether(command: Command, names: readonly string[]): void {
  const given = new Set<string>();
  for (const name of names) {
    command.on(`option:${name}`, () => {
      given.add(name);
      if (given.size === names.length) {
        const flags = names.map((it) => `--${it}`).join(" and ");
        command.error(`error: ${flags} contradict each other`);
      }
    });
  }
}

function parseTier(text: string): number {
  const word = text.toLowerCase();
  if (word === "batch") {
    throw new InvalidArgumentError(
      `Batches are jobs of their own; a single call takes ${callTiers.join(" or ")}.`,
    );
  }
  return parseWord(TierSchema, callTiers)(word);
}

function parseDeadlineMs(text: string): number {
  const deadlineMs = parseDurationMs(text);
  if (deadlineMs > MAX_DEADLINE_MS) {
    throw new InvalidArgumentError(`Longer than ${MAX_DEADLINE}, the most that a router keeps.`);
  }
  return deadlineMs;
}

function addPromptOptions(command: Command): void {
  command
    .option("--system <text>", "instructions before the conversation")
    .option("--image <file-or-url>", "image to send with the text; may be repeated", collect)
    .option(
      "--message-file <file>",
      "CompletionSpec in proto JSON to start from; - is standard input",
    );
}

function addSamplingOptions(command: Command): void {
  const efforts = wordsOf(ReasoningConfig_EffortSchema).join(", ");
  command
    .option("--temperature <t>", "0 to 2", parseDecimal)
    .option("--top-p <p>", "above 0, up to 1", parseDecimal)
    .option("--top-k <k>", "1 or more", parseCount)
    .option("--max-tokens <n>", "limit of output tokens, reasoning included", parseCount)
    .option("--seed <seed>", "best effort at equal answers", parseInt64)
    .option("--stop <text>", "text that ends the answer; may be repeated", collect)
    .option("--n <count>", "number of answers, 1 to 16", parseCount)
    .option("--json-schema <file>", "JSON Schema that the answer must follow")
    .option(
      "--reasoning <effort>",
      `how much to reason: ${efforts}`,
      parseWord(ReasoningConfig_EffortSchema),
    );
}
