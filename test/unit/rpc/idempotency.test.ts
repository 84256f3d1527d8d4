import { describe, expect, it } from "vitest";
import { RouterError } from "../../../src/domain/router-error.ts";
import { createIdempotency } from "../../../src/rpc/idempotency.ts";

const REQUEST = new Uint8Array([1]);
const limits = { keepMs: 1_000, maxEntries: 3, maxBytes: 100 };

function memoryWith() {
  let atMs = 0;
  let runs = 0;
  const idempotency = createIdempotency(() => atMs, limits);
  return {
    idempotency,
    runs: () => runs,
    advance(ms: number) {
      atMs += ms;
    },
    once: (id: string, bytes = 1) =>
      idempotency.once(id, REQUEST, async () => {
        runs += 1;
        return new Uint8Array(bytes);
      }),
  };
}

describe("createIdempotency()", () => {
  it("forgets the oldest beyond its number", async () => {
    const { once, runs } = memoryWith();
    for (const id of ["a", "b", "c", "d"]) {
      await once(id);
    }
    await once("b");
    expect(runs()).toBe(4);
    await once("a");
    expect(runs()).toBe(5);
  });

  it("forgets the oldest beyond its bytes", async () => {
    const { once, runs } = memoryWith();
    await once("a", 60);
    await once("b", 60);
    await once("b", 60);
    expect(runs()).toBe(2);
    await once("a", 60);
    expect(runs()).toBe(3);
  });

  it("keeps nothing larger than all its bytes", async () => {
    const { once, runs } = memoryWith();
    await once("a", 101);
    await once("a", 101);
    expect(runs()).toBe(2);
  });

  it("forgets after its time", async () => {
    const { once, runs, advance } = memoryWith();
    await once("a");
    advance(999);
    await once("a");
    expect(runs()).toBe(1);
    advance(1);
    await once("a");
    expect(runs()).toBe(2);
  });

  it("shares a failure of the call with whoever waits for it", async () => {
    const { idempotency } = memoryWith();
    const { promise, reject } = Promise.withResolvers<Uint8Array>();
    const first = idempotency.once("a", REQUEST, () => promise);
    const second = idempotency.once("a", REQUEST, () => Promise.resolve(REQUEST));
    reject(new RouterError("upstream-unavailable", "down"));
    await expect(first).rejects.toMatchObject({ code: "upstream-unavailable" });
    await expect(second).rejects.toMatchObject({ code: "upstream-unavailable" });
  });

  it.each(["canceled", "deadline-exceeded", "caller-too-slow"] as const)(
    "does not share that its first caller was %s",
    async (code) => {
      const { idempotency } = memoryWith();
      const { promise, reject } = Promise.withResolvers<Uint8Array>();
      const first = idempotency.once("a", REQUEST, () => promise);
      const second = idempotency.once("a", REQUEST, () => Promise.resolve(REQUEST));
      reject(new RouterError(code, "gone"));
      await expect(first).rejects.toMatchObject({ code });
      await expect(second).resolves.toBe(REQUEST);
    },
  );

  it("holds an id for one stream at a time, also against calls", async () => {
    const { idempotency, once } = memoryWith();
    const release = idempotency.hold("a");
    expect(() => idempotency.hold("a")).toThrow("is running");
    await expect(once("a")).rejects.toMatchObject({ code: "duplicate-request" });
    release();
    await expect(once("a")).resolves.toBeDefined();
  });
});
