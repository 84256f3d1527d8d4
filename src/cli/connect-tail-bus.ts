import type { NatsConfig } from "../config/config.ts";
import type { Bus } from "../domain/bus.ts";
import type { Log } from "../domain/ports.ts";

/**
 * Connects to NATS to read there, and nothing else: it makes and changes no stream. Addresses may hold
 * credentials. Throws when one makes no sense.
 */
export async function connectTailBus(nats: NatsConfig, log: Log): Promise<Bus> {
  // Loaded when it is wanted: other commands do not wait for the client of NATS.
  const { connectFleetBus } = await import("./fleet-bus.ts");
  return connectFleetBus({
    nats,
    name: "atlas health tail",
    readOnly: true,
    nowMs: () => performance.timeOrigin + performance.now(),
    schedule(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    log,
  });
}
