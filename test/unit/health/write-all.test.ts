import { describe, expect, test } from "vitest";
import type { LedgerWrite, WriteVerdict } from "../../../src/health/score-ledger.ts";
import { createTurns } from "../../../src/health/turns.ts";
import { writeAll } from "../../../src/health/write-all.ts";
import { positionOf } from "./score-fixture.ts";

const turns = createTurns({ nowMs: () => 0, yieldTurn: async () => undefined });

function tablesOf(count: number): readonly LedgerWrite[] {
  return Array.from({ length: count }, (_, index) => ({
    key: `k${index}`,
    model: `m${index}`,
    bytes: new Uint8Array(),
    position: positionOf(1),
    table: undefined,
  }));
}

describe("writeAll()", () => {
  test("writes each once, sixteen at a time", async () => {
    const written: string[] = [];
    let running = 0;
    let most = 0;
    const verdict = await writeAll(
      tablesOf(50),
      async ({ key }) => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
        written.push(key);
        return "written";
      },
      turns,
    );
    expect(verdict).toBe("written");
    expect(most).toBe(16);
    expect(written.toSorted()).toEqual(
      tablesOf(50)
        .map(({ key }) => key)
        .toSorted(),
    );
  });

  test("nothing to write is written", async () => {
    await expect(writeAll([], async () => "deposed", turns)).resolves.toBe("written");
  });

  test("stops after the first refusal and tells it", async () => {
    let calls = 0;
    const verdicts: WriteVerdict[] = ["written", "outdated", "deposed"];
    const verdict = await writeAll(
      tablesOf(100),
      async () => verdicts[calls++] ?? "written",
      turns,
    );
    expect(verdict).toBe("outdated");
    expect(calls).toBeLessThan(40);
  });

  test("rejects with the first reason when nothing is on its way any more", async () => {
    let running = 0;
    let calls = 0;
    const writing = writeAll(
      tablesOf(100),
      async ({ key }) => {
        calls += 1;
        running += 1;
        await Promise.resolve();
        await Promise.resolve();
        running -= 1;
        throw new Error(key);
      },
      turns,
    );
    await expect(writing).rejects.toThrow("k0");
    expect(running).toBe(0);
    expect(calls).toBe(16);
  });

  test("gives others a turn", async () => {
    let now = 0;
    let yields = 0;
    const slow = createTurns({
      nowMs: () => now,
      async yieldTurn() {
        yields += 1;
      },
    });
    const write = async (): Promise<WriteVerdict> => {
      now += 8;
      return "written";
    };
    await writeAll(tablesOf(3), write, slow);
    expect(yields).toBeGreaterThan(0);
  });
});
