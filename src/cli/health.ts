import type { Command } from "commander";
import type { CliWorld, ConnectBus } from "./cli-world.ts";
import { addHealthPublishCommand } from "./health-publish.ts";
import { addHealthTailCommand } from "./health-tail.ts";

export function addHealthCommand(program: Command, world: CliWorld, connectBus: ConnectBus): void {
  const health = program
    .command("health")
    .summary("tell the fleet what is known of an endpoint, and watch what it is told")
    .description(
      "Tells every router and scorer what an operator or a script knows of an endpoint, and shows what " +
        "they are told.",
    );
  addHealthPublishCommand(health, world);
  addHealthTailCommand(health, world, connectBus);
}
