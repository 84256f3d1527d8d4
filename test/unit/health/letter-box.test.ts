import { describe, expect, test } from "vitest";
import { createLetterBox, type Letter } from "../../../src/health/letter-box.ts";
import { settle } from "./score-fixture.ts";

const MIB = 1024 * 1024;

function letterOf(sequence: number, bytes = Uint8Array.of(255)): Letter {
  const report = { token: "a", sequence, storedAtMs: sequence, bytes, headers: {} };
  return { reason: "truncated", report };
}

/** A stream of dead letters that confirms when it is told to. */
function createSlowStream() {
  const put: Letter[] = [];
  const confirmations: (() => void)[] = [];
  return {
    put,
    confirm: () => confirmations.shift()?.(),
    deadLetters: {
      put(letter: Letter) {
        put.push(letter);
        return new Promise<void>((resolve) => confirmations.push(resolve));
      },
    },
  };
}

describe("createLetterBox()", () => {
  test("sends 16 at a time, and the next as soon as one has arrived", async () => {
    const { put, confirm, deadLetters } = createSlowStream();
    const box = createLetterBox(deadLetters);
    for (let sequence = 1; sequence <= 20; sequence += 1) {
      box.put(letterOf(sequence));
    }
    expect(put).toHaveLength(16);
    confirm();
    await settle();
    expect(put.map(({ report }) => report.sequence)).toEqual(
      Array.from({ length: 17 }, (_, index) => index + 1),
    );
    expect(box.dropped()).toBe(0);
  });

  test("keeps 8 MiB of what waits, and counts the rest", async () => {
    const { put, confirm, deadLetters } = createSlowStream();
    const box = createLetterBox(deadLetters);
    for (let sequence = 1; sequence <= 16 + 8; sequence += 1) {
      box.put(letterOf(sequence, new Uint8Array(MIB)));
    }
    expect(box.dropped()).toBe(1);
    confirm();
    await settle();
    box.put(letterOf(25, new Uint8Array(MIB)));
    expect(box.dropped()).toBe(1);
    expect(put).toHaveLength(17);
  });

  test("counts small letters for more than their bytes", () => {
    const box = createLetterBox(createSlowStream().deadLetters);
    for (let sequence = 1; sequence <= 16 + 20_000; sequence += 1) {
      box.put(letterOf(sequence));
    }
    expect(box.dropped()).toBe(20_000 - Math.floor((8 * MIB) / 514));
  });

  test("counts the token, which others than reporters may make long", () => {
    const box = createLetterBox(createSlowStream().deadLetters);
    const { reason, report } = letterOf(1);
    for (let sequence = 1; sequence <= 16 + 9; sequence += 1) {
      box.put({ reason, report: { ...report, token: "a".repeat(MIB) } });
    }
    expect(box.dropped()).toBe(2);
  });

  test("does not hold the headers of what waits", async () => {
    const { put, confirm, deadLetters } = createSlowStream();
    const box = createLetterBox(deadLetters);
    const { reason, report } = letterOf(1);
    for (let sequence = 1; sequence <= 17; sequence += 1) {
      box.put({ reason, report: { ...report, sequence, headers: { large: "x".repeat(60_000) } } });
    }
    confirm();
    await settle();
    expect(put[16]).toEqual({ reason, report: { ...report, sequence: 17, headers: {} } });
  });

  test("does not hold the buffer of the connection for what waits", async () => {
    const { put, confirm, deadLetters } = createSlowStream();
    const box = createLetterBox(deadLetters);
    const buffer = new Uint8Array(MIB).fill(7);
    for (let sequence = 1; sequence <= 17; sequence += 1) {
      box.put(letterOf(sequence, buffer.subarray(0, 3)));
    }
    confirm();
    await settle();
    expect(put[16]?.report.bytes).toEqual(Uint8Array.of(7, 7, 7));
    expect(put[16]?.report.bytes.buffer.byteLength).toBe(3);
  });

  test("goes on after letters that are lost", async () => {
    const lost: number[] = [];
    const box = createLetterBox({
      put({ report }) {
        lost.push(report.sequence);
        return Promise.reject(new Error("gone"));
      },
    });
    for (let sequence = 1; sequence <= 40; sequence += 1) {
      box.put(letterOf(sequence));
    }
    await settle();
    expect(lost).toHaveLength(40);
  });
});
