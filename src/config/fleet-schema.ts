import { z } from "zod";
import { wholeNumber } from "../decode/fields.ts";
import { usd } from "../decode/usd.ts";
import { defaults } from "./defaults.ts";
import { natsServer } from "./nats-server.ts";
import { createSecret } from "./secret.ts";

/** The part of the configuration file about more than one process: bus, roles, health and probes. */

const { prober } = defaults;

const MIB = 1024 * 1024;

export const roles = ["all", "router", "scorer", "batch"] as const;

const file = z.string().min(1);

const secret = z.string().transform((value) => (value === "" ? undefined : createSecret(value)));

const natsTls = z.strictObject({
  caFile: file.optional().describe("PEM file with the authorities of the servers' certificates."),
  certFile: file.optional().describe("PEM file with the own certificate; goes with keyFile."),
  keyFile: file.optional().describe("PEM file with the private key of the own certificate."),
  handshakeFirst: z
    .boolean()
    .default(false)
    .describe("Encrypts before the server's first word, as servers with handshake_first want it."),
});

const nats = z.strictObject({
  servers: z
    .array(natsServer)
    .min(1, "must name a server")
    .describe("Addresses of the cluster, such as nats://nats-1:4222; any of them is enough."),
  credentialsFile: file
    .optional()
    .describe("File with user JWT and seed, as nsc writes it; no other way to log in beside it."),
  nkeyFile: file
    .optional()
    .describe("File with the seed of an NKey, as nk writes it; no other way to log in beside it."),
  user: z.string().min(1).optional().describe("User name; goes with password."),
  password: secret.optional().describe("Password of the user."),
  token: secret.optional().describe("Token of servers that ask for one."),
  tls: natsTls
    .optional()
    .describe("Encrypts the connection; servers that insist on it need no more than an address."),
  replicas: wholeNumber(1, 5)
    .default(defaults.busReplicas)
    .describe(
      "Copies of streams and tables, 3 in a cluster; raised where there are fewer, never lowered.",
    ),
  reportBytes: wholeNumber(64 * MIB, MIB * MIB)
    .default(defaults.reportBytes)
    .describe("Most that the stream of health reports holds; it is made larger, never smaller."),
});

export const busSchema = z
  .strictObject({
    nats: nats.optional().describe("NATS JetStream; absent: the bus lives in this process alone."),
  })
  .prefault({});

export const healthSchema = z
  .strictObject({
    keepScores: z
      .boolean()
      .default(true)
      .describe("Keeps the last scores on disk, for a start while NATS is away."),
    snapshotFile: file
      .optional()
      .describe(
        "Where the last scores are kept; absent: in the folder for state, if NATS is set, in a file per bus.",
      ),
  })
  .prefault({});

export const proberSchema = z
  .strictObject({
    mode: z
      .enum(["simulated", "all", "off"])
      .default(prober.mode)
      .describe("Which idle endpoints are probed; real ones cost money, so all has to be said."),
    spendCapUsdPerDay: usd
      .prefault(prober.spendCapUsdPerDay)
      .describe("Most that the whole fleet spends on probes in any 24 hours, in US dollars."),
    assumedCostUsd: usd
      .optional()
      .describe("Cost of a probe where a price is unknown; absent: such endpoints are not probed."),
    idleMs: wholeNumber(1_000, 3_600_000)
      .default(prober.idleMs)
      .describe("Only endpoints without calls for this long are probed."),
    intervalMs: wholeNumber(1_000, 3_600_000)
      .default(prober.intervalMs)
      .describe("An idle endpoint is probed this often, give or take a fifth."),
    timeoutMs: wholeNumber(100, 300_000)
      .default(prober.timeoutMs)
      .describe("A probe that has not answered by then has failed."),
    concurrency: wholeNumber(1, 256).default(prober.concurrency).describe("Most probes at a time."),
  })
  .prefault({})
  .transform(({ spendCapUsdPerDay, assumedCostUsd, ...rest }) => ({
    ...rest,
    dailyCapNanoUsd: spendCapUsdPerDay,
    assumedCostNanoUsd: assumedCostUsd,
  }));

export const roleSchema = z
  .enum(roles)
  .default(defaults.role)
  .describe(
    "What the process does: everything, only calls (router) or only scores (scorer), which need a bus; batch is refused so far.",
  );

export const replicaSchema = z
  .string()
  .regex(/^[\w.:-]{0,64}$/, "must be at most 64 letters, digits and any of . _ : -")
  .default("")
  .describe("Name of the process, unique in the fleet; empty: made of host name and process id.");
