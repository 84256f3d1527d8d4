import type { Config, NatsConfig } from "../config/config.ts";
import { defaults } from "../config/defaults.ts";
import type { Problem } from "../decode/problems.ts";
import type { ServeOptions } from "./server-options.ts";

const streamDefaults = { replicas: defaults.busReplicas, reportBytes: defaults.reportBytes };

/** The configuration with what the command line says about the fleet, which has the last word. */
export function withFleetOptions(
  config: Config,
  { role, nats: servers }: Pick<ServeOptions, "role" | "nats">,
): Config {
  const { nats } = config.bus;
  return {
    ...config,
    role: role ?? config.role,
    bus: servers === undefined ? config.bus : { ...config.bus, nats: withServers(nats, servers) },
  };
}

/** Other addresses; how to log in and all else stays. */
export function withServers(nats: NatsConfig | undefined, servers: readonly string[]): NatsConfig {
  return { ...streamDefaults, ...nats, servers };
}

/** What neither the configuration nor the command line can tell alone. */
export function fleetProblems({ role, bus }: Config): readonly Problem[] {
  if (role === "batch") {
    return [{ path: "role", message: "batch is for batches, which this version does not have" }];
  }
  return role !== "all" && bus.nats === undefined
    ? [{ path: "role", message: `${role} needs a bus: bus.nats or --nats` }]
    : [];
}

/** Values of the bus that must never be printed. */
export function busSecrets({ bus: { nats } }: Config): readonly string[] {
  return [nats?.password, nats?.token].flatMap((secret) =>
    secret === undefined ? [] : [secret.reveal()],
  );
}
