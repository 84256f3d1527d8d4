import { describe, expect, it } from "vitest";
import { createPushIterable } from "../../../src/rpc/push-iterable.ts";

function iterableWith() {
  let taken = 0;
  let returned = 0;
  const pushed = createPushIterable<number>({
    onTaken: () => {
      taken += 1;
    },
    onReturn: () => {
      returned += 1;
    },
  });
  return {
    ...pushed,
    iterator: pushed.iterable[Symbol.asyncIterator](),
    taken: () => taken,
    returned: () => returned,
  };
}

describe("createPushIterable()", () => {
  it("gives the values in order, pushed before or after they are asked for", async () => {
    const { iterator, push, end } = iterableWith();
    push(1);
    const first = await iterator.next();
    const second = iterator.next();
    push(2);
    push(3);
    end();
    const rest = [await second, await iterator.next(), await iterator.next()];
    expect([first, ...rest].map(({ value }) => value)).toEqual([1, 2, 3, undefined]);
    expect(rest[2]?.done).toBe(true);
  });

  it("fails after what was pushed before", async () => {
    const { iterator, push, fail } = iterableWith();
    push(1);
    fail(new Error("broken"));
    push(2);
    expect((await iterator.next()).value).toBe(1);
    await expect(iterator.next()).rejects.toThrow("broken");
  });

  it("fails the reader that waits", async () => {
    const { iterator, fail } = iterableWith();
    const waiting = iterator.next();
    fail(new Error("broken"));
    await expect(waiting).rejects.toThrow("broken");
  });

  it("tells that a value is taken when the reader comes back", async () => {
    const { iterator, push, taken } = iterableWith();
    push(1);
    push(2);
    await iterator.next();
    expect(taken()).toBe(0);
    await iterator.next();
    expect(taken()).toBe(1);
  });

  it("tells that the reader has left, once, and takes nothing any more", async () => {
    const { iterator, push, returned } = iterableWith();
    push(1);
    await iterator.return?.();
    await iterator.return?.();
    push(2);
    expect(returned()).toBe(1);
    expect((await iterator.next()).done).toBe(true);
  });

  it("does not call an end a departure", async () => {
    const { iterator, end, returned } = iterableWith();
    end();
    await iterator.return?.();
    expect(returned()).toBe(0);
  });
});
