import { create, toJsonString } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Command } from "commander";
import {
  GetModelResponseSchema,
  type ListModelsResponse,
  ListModelsResponseSchema,
  type Model,
} from "../../gen/atlas/v1/catalog_service_pb.ts";
import { controlsOf } from "./call-deadline.ts";
import type { CliWorld } from "./cli-world.ts";
import { formatModelList, type ListedModel } from "./format-model-list.ts";
import { formatModelPage } from "./format-model-page.ts";
import type { GlobalOptions } from "./global-options.ts";
import { layoutOf } from "./layout.ts";
import { UsageProblem } from "./usage-problem.ts";
import { type Server, withServer } from "./with-server.ts";

type ModelsOptions = GlobalOptions & { readonly query?: string; readonly operation?: string };

/** The server's largest page: fewer round trips. */
const PAGE_SIZE = 500;
/** Models asked for at a time: enough to hide the way there and back, too few to crowd a server. */
const CONCURRENT_CALLS = 16;
/** A look at the catalogue that takes longer has gone wrong. */
const TIMEOUT_MS = 30_000;

export function addModelsCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("models")
    .summary("list the models, or show one model's page")
    .description(
      "Lists the models that the router serves. With a model it shows the model's page: prices, the " +
        "last 30 minutes of every endpoint, intelligence, and where each tier would go.",
    )
    .argument("[model]", "model id or alias")
    .option("--query <text>", "only models whose id, alias or name holds this")
    .option("--operation <name>", "named task whose gates apply to the model's tiers")
    .addHelpText(
      "after",
      `
"—" stands where there is too little recent traffic to say. Throughput p95 is the fast end.

Examples:
  $ atlas models --query llama
  $ atlas models openai/gpt-4o-mini --operation support.reply`,
    )
    .action(async (model: string | undefined) => {
      const options = command.optsWithGlobals<ModelsOptions>();
      assertOptionsFit(model, options);
      await withServer(world, options, (server) =>
        model === undefined
          ? listModels(world, options, server)
          : showModel(world, options, server, model),
      );
    });
}

function assertOptionsFit(model: string | undefined, { query, operation }: ModelsOptions): void {
  if (model !== undefined && query !== undefined) {
    throw new UsageProblem("--query goes with the list of models, not with one model");
  }
  if (model === undefined && operation !== undefined) {
    throw new UsageProblem("--operation goes with one model, not with the list of models");
  }
}

async function listModels(world: CliWorld, options: ModelsOptions, server: Server): Promise<void> {
  const list = await readAllPages(server, options.query ?? "");
  world.stdout.write(
    options.json
      ? `${toJsonString(ListModelsResponseSchema, list, { prettySpaces: 2 })}\n`
      : formatModelList(await readEndpoints(server, list.models), layoutOf(world)),
  );
}

async function showModel(
  world: CliWorld,
  { operation = "", json }: ModelsOptions,
  { catalog, signal }: Server,
  id: string,
): Promise<void> {
  const page = await catalog.getModel({ id, operation }, controlsOf(signal, TIMEOUT_MS));
  world.stdout.write(
    json
      ? `${toJsonString(GetModelResponseSchema, page, { prettySpaces: 2 })}\n`
      : formatModelPage(page, { ...layoutOf(world), nowMs: world.nowMs() }),
  );
}

/** All pages as one, with the catalogue revision of the last. */
async function readAllPages(
  { catalog, signal }: Server,
  query: string,
): Promise<ListModelsResponse> {
  const models: Model[] = [];
  let pageToken = "";
  for (;;) {
    const page = await catalog.listModels(
      { pageSize: PAGE_SIZE, pageToken, query },
      controlsOf(signal, TIMEOUT_MS),
    );
    models.push(...page.models);
    if (page.nextPageToken === "") {
      const { catalogRevision, priceVersion } = page;
      return create(ListModelsResponseSchema, { models, catalogRevision, priceVersion });
    }
    pageToken = page.nextPageToken;
  }
}

/** Endpoints and prices are on each model's page, not in the list. */
async function readEndpoints(
  server: Server,
  models: readonly Model[],
): Promise<readonly ListedModel[]> {
  const listed: ListedModel[] = [];
  for (let start = 0; start < models.length; start += CONCURRENT_CALLS) {
    const some = models.slice(start, start + CONCURRENT_CALLS);
    listed.push(...(await Promise.all(some.map((model) => readListedModel(server, model)))));
  }
  return listed;
}

async function readListedModel({ catalog, signal }: Server, model: Model): Promise<ListedModel> {
  try {
    const page = await catalog.getModel({ id: model.id }, controlsOf(signal, TIMEOUT_MS));
    return { model, endpoints: page.endpoints };
  } catch (error) {
    if (error instanceof ConnectError && error.code === Code.NotFound) {
      return { model, endpoints: undefined };
    }
    throw error;
  }
}
