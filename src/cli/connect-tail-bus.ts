import type { Bus } from "../domain/bus.ts";

/** Reads the bus at a NATS URL, which may hold credentials. Throws when the URL makes no sense. */
export async function connectTailBus(url: string): Promise<Bus> {
  // Loaded when it is wanted: other commands do not wait for the client of NATS.
  const { connectNatsBus } = await import("../nats/nats-bus.ts");
  return connectNatsBus({
    servers: [url],
    name: "atlas health tail",
    nowMs: () => performance.timeOrigin + performance.now(),
    schedule(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    log: () => undefined,
  });
}
