import { toJsonString } from "@bufbuild/protobuf";
import type { Command } from "commander";
import { RouteResponseSchema } from "../../gen/atlas/v1/router_service_pb.ts";
import { buildPolicy, buildSpec } from "./build-request.ts";
import { controlsOf } from "./call-deadline.ts";
import { addCallOptions, type CallOptions } from "./call-options.ts";
import type { CliWorld } from "./cli-world.ts";
import { formatRoute } from "./format-route.ts";
import type { GlobalOptions } from "./global-options.ts";
import { layoutOf } from "./layout.ts";
import { readCallInput } from "./read-input.ts";
import { withServer } from "./with-server.ts";

/** Stands for the prompt when none is given: a plan needs one, and a short one rules nothing out. */
const PLACEHOLDER_TEXT = "Hello";

export function addRouteCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("route")
    .summary("show where a call would go, and why")
    .description(
      "Shows where a call would go without making it: the decision, every endpoint that was " +
        "considered, and the reasons for and against each.",
    )
    .argument("<model>", "model id or alias")
    .argument("[text]", "prompt to plan for; - is standard input (default: a short one)");
  addCallOptions(command)
    .addHelpText(
      "after",
      `
Examples:
  $ atlas route openai/gpt-4o-mini
  $ atlas route meta-llama/llama-4-scout "Hello" --operation support.reply --max-input-price 0.15
  $ atlas route openai/gpt-4o-mini --json | jq -r .decision.endpoint`,
    )
    .action(async (model: string, text: string | undefined) => {
      await route(world, command.optsWithGlobals<CallOptions & GlobalOptions>(), { model, text });
    });
}

async function route(
  world: CliWorld,
  options: CallOptions & GlobalOptions,
  call: { readonly model: string; readonly text: string | undefined },
): Promise<void> {
  const input = await readCallInput(world, options, { ...call, showReasoning: false });
  const spec = buildSpec(input, options);
  const request = {
    spec:
      spec.messages.length > 0 ? spec : buildSpec({ ...input, text: PLACEHOLDER_TEXT }, options),
    routing: buildPolicy(options),
    requestId: options.requestId ?? "",
  };
  await withServer(world, options, async ({ router, signal }) => {
    const response = await router.route(request, controlsOf(signal, options.deadline));
    world.stdout.write(
      options.json
        ? `${toJsonString(RouteResponseSchema, response, { prettySpaces: 2 })}\n`
        : formatRoute(response, layoutOf(world)),
    );
  });
}
