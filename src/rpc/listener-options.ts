import type { Log, NowMs, Random, RpcSink, Schedule } from "../domain/ports.ts";
import type { BeginTrace } from "../domain/trace.ts";
import type { RpcService } from "./rpc-service.ts";

/** PEM texts, never file names. */
export type TlsOptions = {
  readonly cert: string;
  readonly key: string;
  /** Callers must show a certificate that one of these signed (mTLS). Absent: any caller. */
  readonly clientCa?: string | undefined;
};

export type ListenerOptions = {
  readonly services: readonly RpcService[];
  /** Plaintext belongs on a loopback or a trusted network. */
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly tls?: TlsOptions | undefined;
  /** `ErrorInfo.domain`. */
  readonly errorDomain: string;
  readonly limits?: Partial<ListenerLimits>;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
  /** Of every RPC, from its headers. */
  readonly beginTrace: BeginTrace;
  /** Told of every RPC when it has ended, refused ones too. */
  readonly onRpcEnd: RpcSink;
};

export type ListenerLimits = {
  /** Of one request, and of one answer. */
  readonly maxMessageBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxConcurrentStreams: number;
  /** Written for one caller and not yet taken by its socket. */
  readonly maxBufferedBytes: number;
  /** Without any progress while something is buffered. */
  readonly writeStallMs: number;
  /** From the first to the last byte of a request, and of a unary answer on the gRPC port. */
  readonly requestTimeoutMs: number;
  readonly maxConnectionIdleMs: number;
  /** Give or take a tenth, so that connections do not all end together and balance anew. */
  readonly maxConnectionAgeMs: number;
  readonly maxConnectionAgeGraceMs: number;
  readonly keepaliveTimeMs: number;
  readonly keepaliveTimeoutMs: number;
  /** RST_STREAMs a connection may send at once and per second, before it is closed as an attack. */
  readonly resetBurst: number;
  readonly resetRate: number;
};

const MIB = 1_048_576;

export const defaultListenerLimits: ListenerLimits = {
  // A million tokens of text, or a few images.
  maxMessageBytes: 8 * MIB,
  maxHeaderBytes: 16_384,
  maxConcurrentStreams: 1_000,
  maxBufferedBytes: 4 * MIB,
  writeStallMs: 30_000,
  requestTimeoutMs: 60_000,
  maxConnectionIdleMs: 900_000,
  maxConnectionAgeMs: 1_800_000,
  // At least the longest usual stream.
  maxConnectionAgeGraceMs: 120_000,
  keepaliveTimeMs: 60_000,
  keepaliveTimeoutMs: 20_000,
  // nghttp2's own defaults, which an honest client reaches only by a storm of cancels.
  resetBurst: 1_000,
  resetRate: 33,
};

/** A listener that accepts calls. */
export type RunningListener = {
  readonly port: number;
  /** Calls in flight. */
  readonly activeCalls: () => number;
  /** Tells balancers to send no new calls; those that come are served nevertheless. */
  markNotServing(): void;
  /**
   * Stops accepting and lets calls finish. What still runs after `graceMs` ends with
   * `shutting-down`; then every socket is closed. Resolves when the port is free.
   */
  drain(graceMs: number): Promise<void>;
};
