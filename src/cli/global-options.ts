import type { Command } from "commander";
import type { CliWorld } from "./cli-world.ts";

/** Options that every command takes, before or after its name. */
export type GlobalOptions = {
  /** `host:port`, `http://host:port` or `https://host:port`. */
  readonly server: string;
  readonly json?: boolean;
  /** Files in PEM format. */
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
};

const DEFAULT_SERVER = "localhost:50051";

export function addGlobalOptions(program: Command, env: CliWorld["env"]): Command {
  return program
    .option(
      "--server <address>",
      "router to talk to: host:port or URL; https:// or a --tls option turns on TLS (env: ATLAS_SERVER)",
      // An empty variable is what a shell leaves of one that is not set.
      env["ATLAS_SERVER"] || DEFAULT_SERVER,
    )
    .option("--json", "print results and errors as JSON")
    .option(
      "--tls-ca <file>",
      "certificates that sign the router's, in PEM (default: the system's)",
    )
    .option("--tls-cert <file>", "own certificate for mutual TLS, in PEM")
    .option("--tls-key <file>", "key of --tls-cert, in PEM");
}
