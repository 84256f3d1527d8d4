import { z } from "zod";
import { baseUrl, decimalNumber, slug, wholeNumber } from "../decode/fields.ts";
import { usd } from "../decode/usd.ts";
import { quantizations } from "../domain/endpoint.ts";
import { MAX_ATTEMPTS } from "../domain/policy.ts";
import { defaults } from "./defaults.ts";
import {
  busSchema,
  healthSchema,
  proberSchema,
  replicaSchema,
  roleSchema,
} from "./fleet-schema.ts";
import { createSecret } from "./secret.ts";
import { telemetrySchema } from "./telemetry-schema.ts";

/** The layout of the configuration file. Descriptions are what docs/configuration.md shows. */

const { limits, timeouts, retry } = defaults;

/** setTimeout takes no more; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const DAY_MS = 24 * 60 * 60_000;

function milliseconds(least: number, fallback: number, description: string) {
  return wholeNumber(least, MAX_TIMER_MS).default(fallback).describe(description);
}

function bytes(least: number, fallback: number, description: string) {
  return wholeNumber(least, 1024 * 1024 * 1024)
    .default(fallback)
    .describe(description);
}

function file(description: string) {
  return z.string().min(1).describe(description);
}

const tls = z.strictObject({
  certFile: file("PEM file with the certificate chain."),
  keyFile: file("PEM file with the private key of the certificate."),
  clientCaFile: file(
    "PEM file with authorities; callers must then show a certificate of one of them.",
  ).optional(),
});

function listener(port: number, name: string) {
  return z
    .strictObject({
      host: z
        .string()
        .min(1)
        .default(defaults.listen.host)
        .describe(`Address the ${name} listener binds; 0.0.0.0 for all.`),
      port: wholeNumber(0, 65_535)
        .default(port)
        .describe(`Port of the ${name} listener; 0 lets the system choose.`),
      tls: tls
        .optional()
        .describe(`Encrypts the ${name} listener; without it the listener is plaintext.`),
    })
    .prefault({});
}

const limitsSchema = z.strictObject({
  messageBytes: bytes(1024, limits.messageBytes, "Largest message taken or sent."),
  concurrentStreams: wholeNumber(1, 100_000)
    .default(limits.concurrentStreams)
    .describe("Most open calls on one connection."),
  headerBytes: bytes(1024, limits.headerBytes, "Most bytes of headers of one request."),
  streamBufferBytes: bytes(
    16 * 1024,
    limits.streamBufferBytes,
    "Most bytes kept for a caller that reads slower than the answer comes; beyond it the call ends.",
  ),
  connectionIdleMs: milliseconds(
    1_000,
    limits.connectionIdleMs,
    "A connection without calls is closed after this.",
  ),
  connectionAgeMs: milliseconds(
    1_000,
    limits.connectionAgeMs,
    "A connection is asked to close after this, so that callers find new replicas.",
  ),
  connectionAgeGraceMs: milliseconds(
    0,
    limits.connectionAgeGraceMs,
    "Calls on a connection that was asked to close may go on for this long.",
  ),
  keepaliveMs: milliseconds(10_000, limits.keepaliveMs, "A quiet connection is pinged this often."),
  keepaliveTimeoutMs: milliseconds(
    1_000,
    limits.keepaliveTimeoutMs,
    "A connection whose ping stays unanswered for this long is closed.",
  ),
});

const firstToken = z.strictObject({
  minMs: milliseconds(
    1,
    timeouts.firstToken.minMs,
    "Shortest wait for the first content, however fast the endpoint.",
  ),
  maxMs: milliseconds(
    1,
    timeouts.firstToken.maxMs,
    "Longest wait for the first content while another endpoint is left.",
  ),
  coldMs: milliseconds(
    1,
    timeouts.firstToken.coldMs,
    "Wait for the first content of an endpoint that has not been measured.",
  ),
});

const timeoutsSchema = z.strictObject({
  defaultDeadlineMs: milliseconds(
    1,
    timeouts.defaultDeadlineMs,
    "Deadline of calls that come without one.",
  ),
  connectMs: milliseconds(
    1,
    timeouts.connectMs,
    "Longest wait for a connection to a provider, part of the wait for the first content.",
  ),
  firstToken: firstToken.prefault({}),
  idleMs: milliseconds(1, timeouts.idleMs, "Longest pause between two pieces of an answer."),
  writeStallMs: milliseconds(
    1,
    timeouts.writeStallMs,
    "A caller that takes nothing for this long loses its stream.",
  ),
  drainGraceMs: milliseconds(
    0,
    timeouts.drainGraceMs,
    "How long open calls may go on after the process was told to stop.",
  ),
});

const retrySchema = z.strictObject({
  maxAttempts: wholeNumber(1, MAX_ATTEMPTS)
    .default(retry.maxAttempts)
    .describe("Most attempts of one call, the first included."),
  budgetRatio: decimalNumber(0, 1)
    .default(retry.budgetRatio)
    .describe("Retries and hedges allowed for each first attempt."),
  budgetReservePerSecond: decimalNumber(0, 10_000)
    .default(retry.budgetReservePerSecond)
    .describe("Retries allowed each second whatever the traffic."),
});

const providerIds = z.array(z.string().min(1)).default([]);

const policySchema = z
  .strictObject({
    onlyProviders: providerIds.describe("Providers that may be used; empty: all."),
    ignoreProviders: providerIds.describe("Providers that may not be used."),
    quantizations: z
      .array(z.enum(quantizations))
      .default([])
      .describe("Weight formats that may be used; empty: all."),
    regions: z
      .array(z.string().min(1))
      .default([])
      .describe("Regions a call may run in, by the providers' names; empty: all."),
    maxInputUsdPerMtok: usd
      .optional()
      .describe("Highest input price in US dollars per million tokens; absent: any."),
    maxOutputUsdPerMtok: usd
      .optional()
      .describe("Highest output price in US dollars per million tokens; absent: any."),
    maxCostUsd: usd
      .optional()
      .describe("Highest estimated cost of one call in US dollars; absent: any."),
    zeroDataRetention: z
      .boolean()
      .default(false)
      .describe("Use only endpoints that keep neither prompts nor answers."),
    requireAllParameters: z
      .boolean()
      .default(false)
      .describe("Refuse endpoints that cannot take every parameter of a call."),
  })
  .prefault({})
  .transform(({ maxInputUsdPerMtok, maxOutputUsdPerMtok, maxCostUsd, ...policy }) => ({
    ...policy,
    maxInputPerMtok: maxInputUsdPerMtok,
    maxOutputPerMtok: maxOutputUsdPerMtok,
    maxCost: maxCostUsd,
  }));

const secret = z.string().transform((value) => (value === "" ? undefined : createSecret(value)));

/** Any token but those the router sets itself. */
const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~\w-]+$/, "must be a header name")
  .refine(
    (name) => !["content-length", "content-type", "host"].includes(name.toLowerCase()),
    "is set by the router",
  );

const accountShape = {
  apiKey: secret
    .optional()
    .describe("Key of the account; empty or absent: the environment variable the catalogue names."),
  baseUrl: baseUrl.optional().describe("Address of the API in place of the catalogue's."),
  headers: z
    .record(
      headerName,
      z
        .string()
        .regex(/^[\t\x20-\x7e]*$/, "must be printable ASCII")
        .transform(createSecret)
        .describe("Value of the header."),
    )
    .default({})
    .describe("Headers sent with every call."),
};

const provider = z.strictObject({
  ...accountShape,
  enabled: z.boolean().default(true).describe("False: its endpoints are listed and take no calls."),
  accounts: z
    .record(slug, z.strictObject(accountShape))
    .default({})
    .describe("The provider's named accounts in the catalogue."),
});

const inline = z.record(z.string(), z.unknown()).default({});

const catalogSchema = z
  .strictObject({
    files: z
      .array(z.string().min(1))
      .default([])
      .describe("Catalogue files, relative to this one; later ones override earlier ones."),
    providers: inline.describe("Providers in the layout of a catalogue file."),
    models: inline.describe("Models in the layout of a catalogue file."),
    endpoints: inline.describe("Endpoints in the layout of a catalogue file."),
  })
  .prefault({})
  .transform(({ files, ...rest }) => ({ files, inline: rest }));

const simulatorSchema = z.strictObject({
  mode: z
    .enum(["auto", "off", "all"])
    .default("auto")
    .describe(
      "Who is answered by the built-in fleet: accounts without key or address, nobody, or everybody.",
    ),
  seed: wholeNumber(0, 2 ** 32 - 1)
    .default(defaults.simulator.seed)
    .describe("Equal seeds behave equally."),
  controlPort: wholeNumber(0, 65_535)
    .default(defaults.simulator.controlPort)
    .describe("Loopback port that changes the fleet while it runs; 0 lets the system choose."),
  timeScale: decimalNumber(0, 1_000)
    .default(defaults.simulator.timeScale)
    .describe("Factor on every delay of the fleet; 0 answers at once."),
});

export const configSchema = z.strictObject({
  errorDomain: z
    .string()
    .regex(/^[a-z0-9.-]{1,100}$/, "must be a lower-case domain")
    .default(defaults.errorDomain)
    .describe("Domain of the ErrorInfo that every error carries."),
  listen: z
    .strictObject({
      grpc: listener(defaults.listen.grpcPort, "gRPC"),
      http: listener(defaults.listen.httpPort, "HTTP"),
    })
    .prefault({}),
  limits: limitsSchema.prefault({}),
  timeouts: timeoutsSchema.prefault({}),
  retry: retrySchema.prefault({}),
  stream: z
    .strictObject({
      heartbeatMs: wholeNumber(100, DAY_MS)
        .default(defaults.heartbeatMs)
        .describe("A stream without events sends a heartbeat this often."),
    })
    .prefault({}),
  scores: z
    .strictObject({
      snapshotMs: wholeNumber(100, 60_000)
        .default(defaults.snapshotMs)
        .describe("The process reads its own window this often, for its breakers and limits."),
    })
    .prefault({}),
  role: roleSchema,
  replica: replicaSchema,
  bus: busSchema,
  health: healthSchema,
  prober: proberSchema,
  policy: policySchema,
  providers: z
    .record(slug, provider)
    .default({})
    .describe("Access to providers by their id in the catalogue."),
  catalog: catalogSchema,
  simulator: simulatorSchema.prefault({}),
  telemetry: telemetrySchema,
  log: z
    .strictObject({
      level: z
        .enum(["debug", "info", "warn", "error"])
        .default("info")
        .describe("Least severe level that is written."),
      callsPerSecond: wholeNumber(0, 1_000_000)
        .default(defaults.log.callsPerSecond)
        .describe(
          "Most lines a second of each of these: calls that succeeded or ended by their caller, refused calls, repeats; what exceeds them is counted.",
        ),
    })
    .prefault({}),
});
