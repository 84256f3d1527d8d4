import type { Config } from "../config/config.ts";
import type { ServerWorld } from "./server-world.ts";

/** Name of this process in its fleet: as configured, or else made of host name and process id. */
export function replicaNameOf({ replica }: Config, { processName }: ServerWorld): string {
  return replica === "" ? processName : replica;
}
