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
  readonly policy: OperatorPolicy;
  /** By provider id. */
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  readonly catalog: CatalogConfig;
  readonly simulator: SimulatorConfig;
  readonly log: { readonly level: LogLevel };
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
