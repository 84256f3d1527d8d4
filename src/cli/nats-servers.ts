import { natsServer } from "../config/nats-server.ts";
import { collectList } from "./parse-value.ts";
import { UsageProblem } from "./usage-problem.ts";

/**
 * As `collectList`, for addresses that `bus.nats.servers` would take as well. Throws a `UsageProblem` for
 * others.
 */
export function collectNatsServers(
  text: string,
  before: readonly string[] = [],
): readonly string[] {
  const servers = collectList(text).map((address) => {
    const parsed = natsServer.safeParse(address);
    if (!parsed.success) {
      // Not commander's error, which repeats the address: it may hold a password.
      throw new UsageProblem(`--nats: ${parsed.error.issues[0]?.message}`);
    }
    return parsed.data;
  });
  return [...before, ...servers];
}
