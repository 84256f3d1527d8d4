import { toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import {
  type CompleteResponse,
  CompleteResponseSchema,
  type CompletionSpec,
  StreamCompleteResponseSchema,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { RoutingPolicy } from "../../gen/atlas/v1/routing_pb.ts";
import { buildPolicy, buildSpec } from "./build-request.ts";
import { controlsOf } from "./call-deadline.ts";
import { addCallOptions, type CallOptions } from "./call-options.ts";
import type { CliWorld, Output } from "./cli-world.ts";
import {
  type AnswerSummary,
  formatChoice,
  formatReasoning,
  formatSummary,
} from "./format-answer.ts";
import type { GlobalOptions } from "./global-options.ts";
import { createPaint, type Paint, wantsColour } from "./paint.ts";
import { printableLine, printableText } from "./printable-text.ts";
import { readCallInput } from "./read-input.ts";
import { answerHeading, createStreamPrinter } from "./stream-printer.ts";
import { UsageProblem } from "./usage-problem.ts";
import { IncompleteAnswerError, type Server, withServer } from "./with-server.ts";

type CompleteOptions = CallOptions &
  GlobalOptions & { readonly stream?: true; readonly showReasoning?: true };

type Call = {
  readonly spec: CompletionSpec;
  readonly routing: RoutingPolicy;
  readonly requestId: string;
};

export function addCompleteCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("complete")
    .summary("make a call and print the answer")
    .description(
      "Makes a call. The answer goes to standard output; a line about where it came from, what it " +
        "cost and how long it took goes to standard error.",
    )
    .argument("<model>", "model id or alias")
    .argument("[text]", "prompt; - is standard input")
    .option("--stream", "print the answer as it is generated")
    .option("--show-reasoning", "ask for the reasoning and print it on standard error");
  addCallOptions(command)
    .addHelpText(
      "after",
      `
Ctrl-C cancels the call. With --json the whole answer is one document, and a stream is one event on
each line.

Examples:
  $ atlas complete openai/gpt-4o-mini "Name three rivers." --stream
  $ git diff | atlas complete openai/gpt-4o-mini - --system "Review this change." --max-cost 0.01
  $ atlas complete openai/gpt-4o-mini --message-file conversation.json --json | jq .cost`,
    )
    .action(async (model: string, text: string | undefined) => {
      await complete(world, command.optsWithGlobals<CompleteOptions>(), { model, text });
    });
}

async function complete(
  world: CliWorld,
  options: CompleteOptions,
  { model, text }: { readonly model: string; readonly text: string | undefined },
): Promise<void> {
  const { showReasoning = false } = options;
  const input = await readCallInput(world, options, { model, text, showReasoning });
  const spec = buildSpec(input, options);
  if (spec.messages.length === 0) {
    throw new UsageProblem("nothing to say: give a text, - for standard input, or --message-file");
  }
  const call = { spec, routing: buildPolicy(options), requestId: options.requestId ?? "" };
  await withServer(world, options, (server) =>
    options.stream
      ? streamAnswer(world, options, server, call)
      : wholeAnswer(world, options, server, call),
  );
}

async function wholeAnswer(
  world: CliWorld,
  options: CompleteOptions,
  { router, signal }: Server,
  call: Call,
): Promise<void> {
  const response = await router.complete(call, controlsOf(signal, options.deadline));
  if (options.json) {
    world.stdout.write(`${toJsonString(CompleteResponseSchema, response, { prettySpaces: 2 })}\n`);
    return;
  }
  const paint = notesPaint(world);
  writeChoices(world, response, paint);
  const finishReasons = response.choices.map(({ finishReason }) => finishReason);
  writeSummary(world.stderr, { ...response, finishReasons }, paint);
}

async function streamAnswer(
  world: CliWorld,
  options: CompleteOptions,
  { router, signal }: Server,
  call: Call,
): Promise<void> {
  const paint = notesPaint(world);
  const printer = createStreamPrinter({
    answer: world.stdout,
    notes: world.stderr,
    notesPaint: paint,
  });
  const { json, deadline } = options;
  let complete = false;
  try {
    for await (const event of router.streamComplete(call, controlsOf(signal, deadline))) {
      complete ||= event.event.case === "finished";
      if (json) {
        world.stdout.write(`${toJsonString(StreamCompleteResponseSchema, event)}\n`);
      } else {
        printer.take(event);
      }
    }
  } finally {
    printer.end();
  }
  if (!complete) {
    throw new IncompleteAnswerError("the stream ended without its last message");
  }
  const summary = printer.summary();
  if (summary !== undefined) {
    writeSummary(world.stderr, summary, paint);
  }
}

function writeChoices(world: CliWorld, { choices }: CompleteResponse, paint: Paint): void {
  for (const choice of choices) {
    const reasoning = formatReasoning(choice);
    if (reasoning !== "") {
      world.stderr.write(`${paint.dim(readable(world.stderr, reasoning))}\n`);
    }
    const text = formatChoice(choice);
    const heading = choice.index > 0 ? `${answerHeading(choice.index)}\n` : "";
    world.stdout.write(heading + readable(world.stdout, text.endsWith("\n") ? text : `${text}\n`));
  }
}

function writeSummary(output: Output, summary: AnswerSummary, paint: Paint): void {
  output.write(`${paint.dim(printableLine(formatSummary(summary)))}\n`);
}

/** Programs get every byte of the answer; a terminal must not obey it. */
function readable({ isTerminal }: Output, text: string): string {
  return isTerminal ? printableText(text) : text;
}

function notesPaint({ stderr, env }: CliWorld): Paint {
  return createPaint(wantsColour(stderr, env));
}
