import type { NatsConfig } from "../config/config.ts";
import type { Problem } from "../decode/problems.ts";
import type { CliWorld } from "./cli-world.ts";
import { locateFleetFiles, unreadableFleetFiles } from "./fleet-files.ts";
import { withServers } from "./fleet-options.ts";
import { besideConfig, readConfig } from "./settings.ts";
import { UsageProblem } from "./usage-problem.ts";

export type TailSettings = {
  /** Configuration file; absent: addresses alone. */
  readonly config?: string;
  /** As typed: addresses between commas, perhaps with credentials. Win over those of the file. */
  readonly nats?: readonly string[];
};

/**
 * How to reach the bus. Of a configuration only `bus.nats` counts: whoever looks on need not have the keys
 * of providers or the certificates of listeners. Throws a `UsageProblem`, which quotes no address.
 */
export async function readTailSettings(
  { config: file, nats }: TailSettings,
  world: Pick<CliWorld, "readFile" | "env">,
): Promise<NatsConfig> {
  const configured = file === undefined ? undefined : await readNats(file, world);
  if (nats !== undefined) {
    return withServers(configured, addressesIn(nats));
  }
  if (configured === undefined) {
    throw new UsageProblem(`${file}: has no bus.nats, and no --nats says where the bus is`);
  }
  return configured;
}

function addressesIn(lists: readonly string[]): readonly string[] {
  const addresses = lists.flatMap((list) => list.split(",")).map((address) => address.trim());
  if (addresses.includes("")) {
    throw new UsageProblem("--nats: an address is empty");
  }
  return addresses;
}

async function readNats(
  file: string,
  { readFile, env }: Pick<CliWorld, "readFile" | "env">,
): Promise<NatsConfig | undefined> {
  const read = await readConfig(file, { readFile, env });
  const known = read.ok ? read.config : read.rest?.config;
  const problems = read.ok ? [] : read.problems;
  if (known === undefined) {
    throw problemWith(file, problems);
  }
  const config = locateFleetFiles(known, (path) => besideConfig(path, file));
  const unreadable = await unreadableFleetFiles(config, readFile);
  const own = [...problems, ...unreadable].filter(isAboutTheBus);
  if (own.length > 0) {
    throw problemWith(file, own);
  }
  return config.bus.nats;
}

function isAboutTheBus({ path }: Problem): boolean {
  return path === "bus" || path.startsWith("bus.");
}

function problemWith(file: string, problems: readonly Problem[]): UsageProblem {
  const lines = problems.map(({ path, message }) =>
    // A file that cannot be read is named by its problem as well.
    path === "" || path === file ? message : `${path}: ${message}`,
  );
  return new UsageProblem(lines.map((line) => `${file}: ${line}`).join("\n"));
}
