import type { NatsConfig } from "../config/config.ts";
import type { Bus } from "../domain/bus.ts";
import type { Log } from "../domain/ports.ts";
import type { ServeOptions, SimulateOptions } from "./server-options.ts";

/** Where a command writes. */
export type Output = {
  /** Text as it is: no line break is added. Never throws. */
  write(text: string): void;
  /** A person reads it: colour is allowed, and control characters are made visible. */
  readonly isTerminal: boolean;
  /** Width in cells; absent when unknown or not a terminal, and then nothing is shortened. */
  readonly columns: number | undefined;
};

/** Everything a command knows of the process around it. */
export type CliWorld = {
  /** What `--version` prints. */
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. */
  readonly stdout: Output;
  /** Notes and errors. */
  readonly stderr: Output;
  /** Calls `listener` at every interrupt (Ctrl-C) until the returned function is called. */
  onInterrupt(listener: () => void): () => void;
  /** The last call wins; 0 without any. */
  setExitCode(code: ExitCode): void;
  /** The whole file; `-` is standard input. Rejects when it cannot be read. */
  readFile(path: string): Promise<Uint8Array>;
  /** Epoch milliseconds. */
  nowMs(): number;
  /** Runs the router until it is told to stop. */
  serve(options: ServeOptions): Promise<void>;
  /** Default: NATS. */
  readonly connectBus?: ConnectBus;
  /** Runs the simulated fleet until it is told to stop. */
  simulate(options: SimulateOptions): Promise<void>;
};

/**
 * Connects in the background to the bus, to read it; `log` takes what keeps it from that. Throws when an
 * address makes no sense.
 */
export type ConnectBus = (nats: NatsConfig, log: Log) => Promise<Bus>;

/** What the exit codes of `atlas` mean. */
export const exitCodes = {
  ok: 0,
  /** The server answered with an error, or the answer broke off. */
  callFailed: 1,
  /** The command line, an input file, the configuration or the catalogue has a problem. */
  usage: 2,
  /** No connection to the server, or it was lost. */
  unreachable: 3,
  /** 128 plus the number of SIGINT, as shells report it. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
