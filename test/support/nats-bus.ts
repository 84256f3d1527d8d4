import { onTestFinished } from "vitest";
import type { Bus } from "../../src/domain/bus.ts";
import type { Log } from "../../src/domain/ports.ts";
import { connectNatsBus } from "../../src/nats/nats-bus.ts";
import type { NatsBusOptions } from "../../src/nats/nats-options.ts";

export type OpenedBus = {
  readonly bus: Bus;
  readonly lines: readonly string[];
};

export function realNowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Real time and timers; keeps what is logged. Closed after the test. */
export function openNatsBus(
  options: Pick<NatsBusOptions, "servers"> & Partial<NatsBusOptions>,
): OpenedBus {
  const lines: string[] = [];
  const log: Log = (level, message, fields) => {
    lines.push(`${level} ${message} ${JSON.stringify(fields, replaceErrors)}`);
  };
  const bus = connectNatsBus({
    name: "test",
    nowMs: realNowMs,
    schedule(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: () => 0.5,
    log,
    ...options,
  });
  onTestFinished(() => bus.close());
  return { bus, lines };
}

function replaceErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.name}: ${value.message}` : value;
}
