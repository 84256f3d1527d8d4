import type { RoutingPolicy } from "../domain/policy.ts";
import type { Secret } from "./secret.ts";

/** Everything an operator decides, complete and frozen. Meanings, defaults and ranges: docs/configuration.md. */
export type Config = {
  readonly errorDomain: string;
  readonly listen: { readonly grpc: ListenerConfig; readonly http: ListenerConfig };
  readonly limits: LimitsConfig;
  readonly timeouts: TimeoutsConfig;
  readonly retry: RetryConfig;
  readonly stream: { readonly heartbeatMs: number };
  readonly scores: { readonly snapshotMs: number };
  readonly role: Role;
  /** Empty: made of host name and process id. */
  readonly replica: string;
  readonly bus: BusConfig;
  readonly health: HealthConfig;
  readonly prober: ProberConfig;
  readonly policy: OperatorPolicy;
  /** By provider id. */
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  readonly catalog: CatalogConfig;
  readonly simulator: SimulatorConfig;
  readonly telemetry: TelemetryConfig;
  readonly log: {
    readonly level: LogLevel;
    /** Lines of calls that succeeded, a second; 0: none. */
    readonly callsPerSecond: number;
  };
};

/** What a process of the fleet does. */
export type Role = "all" | "router" | "scorer" | "batch";

type BusConfig = {
  /** Absent: the bus lives in this process alone. */
  readonly nats?: NatsConfig | undefined;
};

/** Files are named as in the configuration, relative to it. */
export type NatsConfig = {
  /** Never empty. */
  readonly servers: readonly string[];
  readonly credentialsFile?: string | undefined;
  readonly nkeyFile?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: Secret | undefined;
  readonly token?: Secret | undefined;
  readonly tls?:
    | {
        readonly caFile?: string | undefined;
        readonly certFile?: string | undefined;
        readonly keyFile?: string | undefined;
        readonly handshakeFirst: boolean;
      }
    | undefined;
  readonly replicas: number;
  readonly reportBytes: number;
};

type HealthConfig = {
  /** The last scores outlive the process. */
  readonly keepScores: boolean;
  /** Relative to the configuration. Absent: see `cli/snapshot-path.ts`. */
  readonly snapshotFile?: string | undefined;
};

export type ProberConfig = {
  readonly mode: "simulated" | "all" | "off";
  readonly dailyCapNanoUsd: number;
  /** Absent: endpoints of unknown price are not probed. */
  readonly assumedCostNanoUsd?: number | undefined;
  readonly idleMs: number;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
};

type LogLevel = "debug" | "info" | "warn" | "error";

export type ListenerConfig = {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Absent: plaintext. */
  readonly tls?: TlsConfig | undefined;
};

export type TlsConfig = {
  readonly certFile: string;
  readonly keyFile: string;
  /** Present: callers must show a certificate of one of these authorities. */
  readonly clientCaFile?: string | undefined;
};

type LimitsConfig = {
  readonly messageBytes: number;
  readonly concurrentStreams: number;
  readonly headerBytes: number;
  readonly streamBufferBytes: number;
  readonly connectionIdleMs: number;
  readonly connectionAgeMs: number;
  readonly connectionAgeGraceMs: number;
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
};

type TimeoutsConfig = {
  readonly defaultDeadlineMs: number;
  readonly connectMs: number;
  readonly firstToken: {
    readonly minMs: number;
    readonly maxMs: number;
    readonly coldMs: number;
  };
  readonly idleMs: number;
  readonly writeStallMs: number;
  readonly drainGraceMs: number;
};

type RetryConfig = {
  readonly maxAttempts: number;
  readonly budgetRatio: number;
  readonly budgetReservePerSecond: number;
};

/** Bounds that a call's own policy can narrow and never widen. Prices are nano-USD. */
type OperatorPolicy = Readonly<
  Pick<
    RoutingPolicy,
    | "onlyProviders"
    | "ignoreProviders"
    | "quantizations"
    | "regions"
    | "maxInputPerMtok"
    | "maxOutputPerMtok"
    | "maxCost"
    | "zeroDataRetention"
    | "requireAllParameters"
  >
>;

type ProviderConfig = AccountConfig & {
  /** False: its endpoints are listed and take no calls. */
  readonly enabled: boolean;
  /** By account name; each adds to or replaces what the provider says. */
  readonly accounts: Readonly<Record<string, AccountConfig>>;
};

type AccountConfig = {
  readonly apiKey?: Secret | undefined;
  readonly baseUrl?: string | undefined;
  /** Sent with every call; values are secrets because some are. */
  readonly headers: Readonly<Record<string, Secret>>;
};

export type TelemetryConfig = {
  readonly traces: {
    readonly mode: "auto" | "off";
    /** 0 to 1, of the traces that begin here. */
    readonly ratio: number;
    /** Calls that take longer are kept whatever the ratio. */
    readonly slowMs: number;
    /** Calls kept a second although they were not sampled. */
    readonly keptPerSecond: number;
    /** Prompts and answers go into spans. */
    readonly content: boolean;
    /** Regular expressions for the flags `giu`; what they match in content is masked. */
    readonly redact: readonly string[];
  };
  readonly metrics: { readonly enabled: boolean };
  /** How many calls `atlas trace` can look back on; 0: none. */
  readonly calls: { readonly recent: number };
  readonly spend: {
    /** How far `atlas spend` looks back; 0: nothing is summed up. */
    readonly hours: number;
    readonly seriesPerHour: number;
  };
};

type CatalogConfig = {
  /** Later files override earlier ones. */
  readonly files: readonly string[];
  /** The rest, in the layout of a catalogue file and not yet checked; overrides all files. */
  readonly inline: Readonly<Record<"providers" | "models" | "endpoints", unknown>>;
};

type SimulatorConfig = {
  readonly mode: "auto" | "off" | "all";
  readonly seed: number;
  /** 0 lets the system choose. */
  readonly controlPort: number;
  readonly timeScale: number;
};
