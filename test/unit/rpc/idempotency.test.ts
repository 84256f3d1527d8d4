import { describe, expect, it } from "vitest";
import { createCanceller } from "../../../src/domain/cancel.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { TraceContext } from "../../../src/domain/trace.ts";
import { createIdempotency, type IdempotentRequest } from "../../../src/rpc/idempotency.ts";
import { exampleTrace } from "../../support/examples.ts";

const REQUEST = new Uint8Array([1]);

function asked(requestId: string, changes: Partial<IdempotentRequest> = {}): IdempotentRequest {
  const trace = exampleTrace();
  const { signal } = createCanceller();
  return { requestId, bytes: REQUEST, trace, signal, repeats: () => undefined, ...changes };
}

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
      idempotency.once(asked(id), async () => {
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
    const first = idempotency.once(asked("a"), () => promise);
    const second = idempotency.once(asked("a"), () => Promise.resolve(REQUEST));
    reject(new RouterError("upstream-unavailable", "down"));
    await expect(first).rejects.toMatchObject({ code: "upstream-unavailable" });
    await expect(second).rejects.toMatchObject({ code: "upstream-unavailable" });
  });

  it.each(["canceled", "deadline-exceeded", "caller-too-slow"] as const)(
    "does not share that its first caller was %s",
    async (code) => {
      const { idempotency } = memoryWith();
      const { promise, reject } = Promise.withResolvers<Uint8Array>();
      const first = idempotency.once(asked("a"), () => promise);
      const second = idempotency.once(asked("a"), () => Promise.resolve(REQUEST));
      reject(new RouterError(code, "gone"));
      await expect(first).rejects.toMatchObject({ code });
      await expect(second).resolves.toBe(REQUEST);
    },
  );

  it.each(["canceled", "deadline-exceeded", "caller-too-slow"] as const)(
    "begins nothing for a repeat that has gone when its first caller was %s",
    async (code) => {
      const { idempotency, once, runs } = memoryWith();
      const { promise, reject } = Promise.withResolvers<Uint8Array>();
      const gone = createCanceller();
      const first = idempotency.once(asked("a"), () => promise);
      const second = idempotency.once(asked("a", { signal: gone.signal }), () => once("b"));
      const third = once("a");
      gone.abort(new RouterError("shutting-down", "its own end"));
      reject(new RouterError(code, "gone"));
      await expect(first).rejects.toMatchObject({ code });
      await expect(second).rejects.toMatchObject({ code: "shutting-down" });
      // Whoever is still there takes over.
      await expect(third).resolves.toBeDefined();
      expect(runs()).toBe(1);
    },
  );

  it("shares a failure of the call with a repeat that has gone", async () => {
    const { idempotency } = memoryWith();
    const { promise, reject } = Promise.withResolvers<Uint8Array>();
    const gone = createCanceller();
    const first = idempotency.once(asked("a"), () => promise);
    const second = idempotency.once(asked("a", { signal: gone.signal }), () => promise);
    gone.abort();
    reject(new RouterError("upstream-unavailable", "down"));
    await expect(first).rejects.toMatchObject({ code: "upstream-unavailable" });
    await expect(second).rejects.toMatchObject({ code: "upstream-unavailable" });
  });

  it("tells a repeat where the call stands that it repeats, and the first nothing", async () => {
    const { idempotency } = memoryWith();
    const told: [string, TraceContext][] = [];
    const asks = (name: string) => {
      const trace = exampleTrace({ traceId: name.repeat(32) });
      const repeats = (first: TraceContext) => void told.push([name, first]);
      return idempotency.once(asked("a", { trace, repeats }), () => Promise.resolve(REQUEST));
    };
    await asks("1");
    expect(told).toEqual([]);
    await asks("2");
    await asks("3");
    expect(told.map(([name, { traceId }]) => [name, traceId[0]])).toEqual([
      ["2", "1"],
      ["3", "1"],
    ]);
  });

  it("holds an id for one stream at a time, also against calls", async () => {
    const { idempotency, once } = memoryWith();
    const release = idempotency.hold("a");
    expect(() => idempotency.hold("a")).toThrow("is running");
    await expect(once("a")).rejects.toMatchObject({ code: "duplicate-request" });
    release();
    await expect(once("a")).resolves.toBeDefined();
  });
});
