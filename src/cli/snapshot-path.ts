import { createHash } from "node:crypto";
import { isAbsolute, join } from "node:path";
import type { Config, NatsConfig } from "../config/config.ts";

/**
 * The file in which the last scores outlive the process. Absent: none is wanted, there is no bus that could be
 * away, or the environment names no folder for it.
 *
 * Without a name in the configuration it lies where programs keep their state: in systemd's `STATE_DIRECTORY`,
 * else under `atlas-router` in `XDG_STATE_HOME`, by default `~/.local/state`. Its name tells buses and
 * users of them apart. Processes of one bus share it: each writes the same.
 */
export function snapshotPathOf(
  { bus: { nats }, health }: Pick<Config, "bus" | "health">,
  env: Env,
): string | undefined {
  return health.keepScores ? (health.snapshotFile ?? pathOf(nats, env)) : undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

function pathOf(nats: NatsConfig | undefined, env: Env): string | undefined {
  const folder = stateFolderOf(env);
  if (nats === undefined || folder === undefined) {
    return undefined;
  }
  const { servers, user, credentialsFile, nkeyFile } = nats;
  const bus = JSON.stringify([servers.toSorted(), user, credentialsFile, nkeyFile]);
  const name = createHash("sha256").update(bus).digest("hex").slice(0, NAME_DIGITS);
  return join(folder, `scores-${name}.bin`);
}

const NAME_DIGITS = 12;

/** Both standards have relative paths ignored. */
function stateFolderOf({ STATE_DIRECTORY, XDG_STATE_HOME, HOME }: Env): string | undefined {
  // Several are separated by colons.
  const [own = ""] = (STATE_DIRECTORY ?? "").split(":");
  const home = HOME === undefined ? "" : join(HOME, ".local", "state");
  const shared = [XDG_STATE_HOME ?? "", home].find(isAbsolute);
  if (isAbsolute(own)) {
    return own;
  }
  return shared === undefined ? undefined : join(shared, "atlas-router");
}
