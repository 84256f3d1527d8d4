import type { Role } from "../config/config.ts";

/** What the command line says about `atlas serve`; absent values are left to the configuration. */
export type ServeOptions = {
  readonly configFile: string | undefined;
  /** 0 takes any free port, for this and the next one. */
  readonly grpcPort: number | undefined;
  readonly httpPort: number | undefined;
  readonly logLevel: LogLevel | undefined;
  readonly role: Role | undefined;
  /** Addresses of the NATS cluster; absent: those of the configuration, if any. */
  readonly nats: readonly string[] | undefined;
};

/** What the command line says about `atlas simulate`; absent values are left to the simulator. */
export type SimulateOptions = {
  /** Equal seeds give equal fleets. 0 to 2^31 - 1. */
  readonly seed: number | undefined;
  /** Where the fleet's behaviour can be changed while it runs; 0 takes any free port. */
  readonly controlPort: number | undefined;
  /** Factor on every delay, at least 0: 1 is real time. */
  readonly timeScale: number | undefined;
  /** Models to serve; empty: all of the seed catalogue. */
  readonly models: readonly string[];
};

export const logLevels = ["debug", "info", "warn", "error"] as const;

export type LogLevel = (typeof logLevels)[number];
