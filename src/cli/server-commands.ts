import { type Command, Option } from "commander";
import type { Role } from "../config/config.ts";
import { roles } from "../config/fleet-schema.ts";
import type { CliWorld } from "./cli-world.ts";
import { collectNatsServers } from "./nats-servers.ts";
import { collectList, parseCount, parsePort, parseScale } from "./parse-value.ts";
import { type LogLevel, logLevels } from "./server-options.ts";

type ParsedServeOptions = {
  readonly config?: string;
  readonly grpcPort?: number;
  readonly httpPort?: number;
  readonly logLevel?: LogLevel;
  readonly role?: Role;
  readonly nats?: readonly string[];
};

type ParsedSimulateOptions = {
  readonly seed?: number;
  readonly controlPort?: number;
  readonly timeScale?: number;
  readonly model?: readonly string[];
};

export function addServeCommand(program: Command, world: CliWorld): void {
  program
    .command("serve")
    .summary("run the router")
    .description(
      "Runs the router until it is interrupted. Without --config it serves the seed catalogue: real " +
        "providers whose key is in the environment, and a simulated fleet for the others.",
    )
    .option("--config <file>", "configuration in YAML; checked as by atlas check")
    .option("--grpc-port <port>", "port for gRPC; 0 takes a free one", parsePort)
    .option(
      "--http-port <port>",
      "port for Connect, gRPC-Web and health checks; 0 takes a free one",
      parsePort,
    )
    .addOption(new Option("--log-level <level>", "least level to log").choices(logLevels))
    .addOption(
      new Option("--role <role>", "what this process does of the work of a fleet").choices(roles),
    )
    .option(
      "--nats <urls>",
      "NATS JetStream that joins the processes of a fleet: nats://host:4222; may be repeated",
      collectNatsServers,
    )
    .addHelpText(
      "after",
      `
Examples:
  $ atlas serve
  $ atlas serve --config atlas.yaml --log-level warn
  $ atlas serve --role router --nats nats://nats-1:4222,nats://nats-2:4222`,
    )
    .action(async ({ config, ...options }: ParsedServeOptions) => {
      const { grpcPort, httpPort, logLevel, role, nats } = options;
      await world.serve({ configFile: config, grpcPort, httpPort, logLevel, role, nats });
    });
}

export function addSimulateCommand(program: Command, world: CliWorld): void {
  program
    .command("simulate")
    .summary("run the simulated fleet of providers")
    .description(
      "Runs providers that speak the real wire formats on loopback, with the speed, errors and limits " +
        "of their profiles, until it is interrupted.",
    )
    .option("--seed <n>", "equal seeds give equal fleets", parseCount)
    .option("--control-port <port>", "port to change the fleet's behaviour by", parsePort)
    .option("--time-scale <factor>", "factor on every delay: 1 is real time, 0 none", parseScale)
    .option("--model <models>", "models to serve; may be repeated (default: all)", collectList)
    .addHelpText(
      "after",
      `
Example:
  $ atlas simulate --seed 7 --model openai/gpt-4o-mini --time-scale 0.1`,
    )
    .action(async ({ seed, controlPort, timeScale, model = [] }: ParsedSimulateOptions) => {
      await world.simulate({ seed, controlPort, timeScale, models: model });
    });
}
