import type { Command } from "commander";
import type { MergedCatalog } from "../catalog/merge-catalog.ts";
import { configJsonSchema } from "../config/describe-keys.ts";
import type { Problem } from "../decode/problems.ts";
import { type CliWorld, exitCodes } from "./cli-world.ts";
import { formatNumberOf } from "./figures.ts";
import type { GlobalOptions } from "./global-options.ts";
import { loadCatalog, readCatalogFile } from "./load-catalog.ts";
import { collect } from "./parse-value.ts";
import { printableLine } from "./printable-text.ts";
import { loadSettings } from "./settings.ts";

type CheckOptions = GlobalOptions & {
  readonly catalog?: readonly string[];
  readonly printSchema?: true;
};

/** What was checked together, and what came out. */
type Checked = {
  readonly name: string;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  /** Absent when there are problems. */
  readonly catalog: MergedCatalog | undefined;
};

export function addCheckCommand(program: Command, world: CliWorld): void {
  const command = program
    .command("check")
    .summary("check configuration and catalogue files")
    .description(
      "Checks configuration files and the files they name, without a router: the same " +
        "checks as atlas serve makes. Prints every problem at once.",
    )
    .argument(
      "[files...]",
      "configuration files; - is standard input (default: none, as atlas serve)",
    )
    .option(
      "--catalog <file>",
      "catalogue file to check over the shipped one; may be repeated",
      collect,
    )
    .option("--print-schema", "print the JSON Schema of the configuration, for editors, and end")
    .addHelpText(
      "after",
      `
Exits with ${exitCodes.usage} when there is a problem.

Examples:
  $ atlas check atlas.yaml
  $ atlas check --catalog models.yaml
  $ atlas check --print-schema > atlas.schema.json`,
    )
    .action(async (files: readonly string[]) => {
      await check(world, files, command.optsWithGlobals<CheckOptions>());
    });
}

async function check(
  world: CliWorld,
  files: readonly string[],
  { catalog = [], printSchema, json }: CheckOptions,
): Promise<void> {
  if (printSchema === true) {
    world.stdout.write(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`);
    return;
  }
  // With nothing named it is the configuration that a bare `atlas serve` runs on.
  const configs = files.length === 0 && catalog.length === 0 ? [undefined] : files;
  const checked = await Promise.all([
    ...configs.map((file) => checkConfigFile(world, file)),
    ...(catalog.length === 0 ? [] : [checkCatalogFiles(world, catalog)]),
  ]);
  world.stdout.write(json ? renderJson(checked) : checked.map(renderText).join(""));
  if (checked.some(({ problems }) => problems.length > 0)) {
    world.setExitCode(exitCodes.usage);
  }
}

async function checkConfigFile(world: CliWorld, file: string | undefined): Promise<Checked> {
  const loaded = await loadSettings(file, world);
  return {
    name: file ?? "defaults",
    problems: loaded.ok ? [] : loaded.problems,
    warnings: loaded.ok ? loaded.settings.warnings : loaded.warnings,
    catalog: loaded.ok ? loaded.settings.catalog : undefined,
  };
}

/** Together and in order, as a configuration would name them. */
async function checkCatalogFiles(world: CliWorld, files: readonly string[]): Promise<Checked> {
  const date = new Date(world.nowMs()).toISOString().slice(0, 10);
  const read = await Promise.all(files.map((file) => readCatalogFile(world.readFile, file, date)));
  const merged = await loadCatalog(
    world.readFile,
    read.map(({ source }) => source),
  );
  const problems = [
    ...read.flatMap((result) => (result.ok ? [] : result.problems)),
    ...(merged.ok ? [] : merged.problems),
  ];
  return {
    name: "catalogue",
    problems,
    warnings: [],
    catalog: merged.ok && problems.length === 0 ? merged.catalog : undefined,
  };
}

function renderText({ name, problems, warnings, catalog }: Checked): string {
  const lineOf = ({ path, message }: Problem) =>
    // A file that cannot be read is named by its problem as well.
    path === "" || path === name ? message : `${path}: ${message}`;
  const lines = [
    ...problems.map(lineOf),
    ...warnings.map((warning) => `warning: ${lineOf(warning)}`),
    ...(catalog === undefined
      ? []
      : [
          `fine, ${formatNumberOf(catalog.models.size, "model")}, ` +
            formatNumberOf(catalog.endpoints.size, "endpoint"),
        ]),
  ];
  return lines.map((line) => `${printableLine(`${name}: ${line}`)}\n`).join("");
}

function renderJson(checked: readonly Checked[]): string {
  const ok = checked.every(({ problems }) => problems.length === 0);
  const results = checked.map(({ name, problems, warnings, catalog }) => ({
    name,
    problems,
    warnings,
    ...(catalog !== undefined && {
      models: catalog.models.size,
      endpoints: catalog.endpoints.size,
    }),
  }));
  return `${JSON.stringify({ ok, results }, undefined, 2)}\n`;
}
