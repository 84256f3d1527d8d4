import { readFileSync } from "node:fs";
import type { NatsConfig } from "../config/config.ts";
import type { Bus } from "../domain/bus.ts";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";
import { connectNatsBus } from "../nats/nats-bus.ts";
import type { NatsAuth, NatsTls } from "../nats/nats-options.ts";

export type FleetBusInput = {
  readonly nats: NatsConfig;
  /** Shown by the server's monitoring. */
  readonly name: string;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
  /** As in `NatsBusOptions`. Default: false. */
  readonly readOnly?: boolean;
};

/**
 * The bus over NATS, at once; it connects in the background and never gives up.
 *
 * Files with credentials are read again at every connection, so that they can be renewed.
 */
export function connectFleetBus({ nats, ...rest }: FleetBusInput): Bus {
  const auth = authOf(nats);
  return connectNatsBus({
    ...rest,
    servers: nats.servers,
    replicas: nats.replicas,
    reportBytes: nats.reportBytes,
    ...(auth === undefined ? {} : { auth }),
    ...(nats.tls === undefined ? {} : { tls: tlsOf(nats.tls) }),
  });
}

function authOf(nats: NatsConfig): NatsAuth | undefined {
  const { credentialsFile, nkeyFile, user, password, token } = nats;
  if (credentialsFile !== undefined) {
    return { kind: "credentials", read: () => readFileSync(credentialsFile) };
  }
  if (nkeyFile !== undefined) {
    return { kind: "nkey", readSeed: () => readFileSync(nkeyFile) };
  }
  if (user !== undefined) {
    return { kind: "user", user, password: password?.reveal() ?? "" };
  }
  return token === undefined ? undefined : { kind: "token", token: token.reveal() };
}

/** Without the keys that are undefined. */
function tlsOf(tls: NonNullable<NatsConfig["tls"]>): NatsTls {
  return Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
}
