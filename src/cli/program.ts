import { Command, CommanderError } from "commander";
import { addCheckCommand } from "./check.ts";
import { type CliWorld, exitCodes } from "./cli-world.ts";
import { addCompleteCommand } from "./complete.ts";
import { connectTailBus } from "./connect-tail-bus.ts";
import { addGlobalOptions } from "./global-options.ts";
import { addHealthCommand } from "./health.ts";
import { addModelsCommand } from "./models.ts";
import { createPaint, wantsColour } from "./paint.ts";
import { addRouteCommand } from "./route.ts";
import { addScoresCommand } from "./scores.ts";
import { addServeCommand, addSimulateCommand } from "./server-commands.ts";
import { addSpendCommand } from "./spend.ts";
import { addTraceCommand } from "./trace.ts";
import { UsageProblem } from "./usage-problem.ts";
import { reportLocal } from "./with-server.ts";

/** The `atlas` command. Never ends the process: what commander would exit for, it throws. */
export function createProgram(world: CliWorld): Command {
  const program = new Command("atlas");
  program
    .description("Routes completions of language models to the endpoint that serves them best.")
    .version(world.version, "--version", "print the version")
    .helpOption("--help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => world.stdout.write(text),
      writeErr: (text) => world.stderr.write(text),
      // Errors are told by `runAtlas`, in the caller's choice of text or JSON.
      outputError: () => {},
      getOutHelpWidth: () => helpWidth(world.stdout.columns),
      getErrHelpWidth: () => helpWidth(world.stderr.columns),
      getOutHasColors: () => wantsColour(world.stdout, world.env),
      getErrHasColors: () => wantsColour(world.stderr, world.env),
    })
    .exitOverride();
  addGlobalOptions(program, world.env);
  addServeCommand(program, world);
  addRouteCommand(program, world);
  addCompleteCommand(program, world);
  addTraceCommand(program, world);
  addSpendCommand(program, world);
  addModelsCommand(program, world);
  addScoresCommand(program, world);
  addHealthCommand(program, world, world.connectBus ?? connectTailBus);
  addCheckCommand(program, world);
  addSimulateCommand(program, world);
  program.addHelpText("after", closingHelp);
  return program;
}

/**
 * Runs one command line, without the names of node and script. Never rejects: every failure is told
 * on standard error and in the exit code.
 */
export async function runAtlas(world: CliWorld, argv: readonly string[]): Promise<void> {
  const program = createProgram(world);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    reportProblem(world, argv, { error, program });
  }
}

const closingHelp = `
Examples:
  $ atlas serve
  $ atlas models openai/gpt-4o-mini
  $ atlas complete openai/gpt-4o-mini "Name three rivers." --stream

Exit codes:
  ${exitCodes.ok}    success
  ${exitCodes.callFailed}    the call failed
  ${exitCodes.usage}    the command line, an input file or the configuration has a problem
  ${exitCodes.unreachable}    no connection to the router
  ${exitCodes.interrupted}  interrupted`;

/** Long lines of help read badly, however wide the terminal. */
function helpWidth(columns: number | undefined): number {
  return Math.min(columns ?? 100, 100);
}

type Thrown = { readonly error: unknown; readonly program: Command };

function reportProblem(world: CliWorld, argv: readonly string[], { error, program }: Thrown): void {
  // The command line may be what is wrong, so its text is all there is to go by.
  const json = argv.includes("--json");
  if (error instanceof CommanderError) {
    reportCommander(world, { json, helpCommand: helpCommandFor(program, argv) }, error);
  } else if (error instanceof UsageProblem) {
    reportLocal(world, { json }, ["USAGE", error.message, exitCodes.usage]);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    reportLocal(world, { json }, ["INTERNAL", `internal: ${message}`, exitCodes.callFailed]);
  }
}

function reportCommander(
  world: CliWorld,
  { json, helpCommand }: { readonly json: boolean; readonly helpCommand: string },
  { code, exitCode, message }: CommanderError,
): void {
  if (exitCode === 0) {
    // Help or the version was asked for and has been printed.
    return;
  }
  if (code === "commander.help") {
    // No command was given, and commander has printed the help.
    world.setExitCode(exitCodes.usage);
    return;
  }
  reportLocal(world, { json }, ["USAGE", message.replace(/^error: /, ""), exitCodes.usage]);
  if (!json) {
    const paint = createPaint(wantsColour(world.stderr, world.env));
    world.stderr.write(paint.dim(`\`${helpCommand}\` lists what there is.\n`));
  }
}

/** Help of the command that was meant, as far as the command line tells. */
function helpCommandFor(program: Command, argv: readonly string[]): string {
  const names = ["atlas"];
  let command = program;
  for (const word of argv) {
    const next = command.commands.find((each) => each.name() === word);
    if (next !== undefined) {
      names.push(word);
      command = next;
    }
  }
  return `${names.join(" ")} --help`;
}
