import { expect } from "vitest";
import { type Bus, BusUnavailable } from "../../../src/domain/bus.ts";
import { recordFollowing, textReport } from "../../support/bus-contract.ts";

/**
 * Sends again whatever was not confirmed, under the same id, as the outbox does. Rejects when the bus is
 * closed, which refuses at once and for ever.
 */
export async function publishUntilStored(bus: Bus, text: string): Promise<number> {
  for (;;) {
    try {
      return await bus.reports.publish(textReport(text));
    } catch (error) {
      expect(error).toBeInstanceOf(BusUnavailable);
      if (bus.status() === "closed") {
        throw error;
      }
    }
  }
}

export function follow(bus: Bus) {
  const seen = recordFollowing();
  bus.reports.follow({ sinceMs: 0, ...seen.options });
  return seen;
}

export const inOrder = (texts: readonly string[]) => texts.toSorted();
