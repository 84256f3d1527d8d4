import { describe, expect, test, vi } from "vitest";
import { createCanceller } from "../../../src/domain/cancel.ts";

describe("createCanceller()", () => {
  test("tells every listener once, in the order of their coming", () => {
    const { signal, abort } = createCanceller();
    const told: string[] = [];
    signal.addEventListener("abort", () => told.push("first"));
    signal.addEventListener("abort", () => told.push("second"));
    abort();
    abort();
    expect(told).toEqual(["first", "second"]);
  });

  test("keeps the first reason", () => {
    const { signal, abort } = createCanceller();
    expect(signal).toMatchObject({ aborted: false, reason: undefined });
    abort("the caller left");
    abort("the deadline passed");
    expect(signal).toMatchObject({ aborted: true, reason: "the caller left" });
  });

  test("tells nobody who has left, and nobody who comes too late", () => {
    const { signal, abort } = createCanceller();
    const gone = vi.fn();
    const late = vi.fn();
    signal.addEventListener("abort", gone);
    signal.removeEventListener("abort", gone);
    abort();
    signal.addEventListener("abort", late);
    expect(gone).not.toHaveBeenCalled();
    expect(late).not.toHaveBeenCalled();
  });

  test("tells who is there although others leave who never came", () => {
    const { signal, abort } = createCanceller();
    const told = vi.fn();
    signal.removeEventListener("abort", told);
    signal.addEventListener("abort", told);
    signal.removeEventListener("abort", vi.fn());
    abort();
    expect(told).toHaveBeenCalledOnce();
  });

  test("tells the others although one leaves while it is told", () => {
    const { signal, abort } = createCanceller();
    const other = vi.fn();
    const leaving = () => signal.removeEventListener("abort", leaving);
    signal.addEventListener("abort", leaving);
    signal.addEventListener("abort", other);
    abort();
    expect(other).toHaveBeenCalledOnce();
  });
});
