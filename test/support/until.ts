import { vi } from "vitest";

/** Longer than anything that is waited for takes on a machine that does other work. */
const PATIENCE_MS = 15_000;

/** Resolves with what is there as soon as it is truthy; rejects when it does not come. */
export async function until<T>(look: () => T | Promise<T>, timeoutMs = PATIENCE_MS) {
  return await vi.waitUntil(look, { timeout: timeoutMs, interval: 2 });
}
