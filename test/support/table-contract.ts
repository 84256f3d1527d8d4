import { expect, test } from "vitest";
import type { Bus, KeyValueEntry } from "../../src/domain/bus.ts";
import { MAX_VALUE_BYTES } from "../../src/domain/bus-rules.ts";

/** The part of `BusHarness` that is of use here. */
type OpenTables = () => Promise<{
  readonly bus: Pick<Bus, "scores">;
  until(isTrue: () => boolean): Promise<unknown>;
}>;

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (entry: KeyValueEntry | undefined) =>
  entry === undefined ? undefined : new TextDecoder().decode(entry.value);

export function tableContract(open: OpenTables): void {
  test("writes with the revision of the key and refuses another", async () => {
    const { scores } = (await open()).bus;
    const first = await scores.put("scores.a", bytes("1"), 0);
    expect(first).toBeGreaterThan(0);
    expect(await scores.put("scores.a", bytes("x"), 0)).toBeUndefined();
    const second = await scores.put("scores.a", bytes("2"), first ?? 0);
    expect(second).toBeGreaterThan(first ?? 0);
    expect(await scores.put("scores.a", bytes("x"), first ?? 0)).toBeUndefined();
    expect(await scores.put("scores.b", bytes("x"), second ?? 0)).toBeUndefined();
    expect(await scores.get("scores.a")).toMatchObject({ key: "scores.a", revision: second });
    expect(read(await scores.get("scores.a"))).toBe("2");
    expect(await scores.get("scores.b")).toBeUndefined();
  });

  test("lists every entry, and none of an empty table", async () => {
    const { scores } = (await open()).bus;
    expect(await scores.entries()).toEqual([]);
    await scores.put("version", bytes("v"), 0);
    const revision = await scores.put("scores.a", bytes("1"), 0);
    await scores.put("scores.a", bytes("2"), revision ?? 0);
    const entries = await scores.entries();
    expect(entries.map((entry) => [entry.key, read(entry)]).sort()).toEqual([
      ["scores.a", "2"],
      ["version", "v"],
    ]);
  });

  test("a watcher gets what is there and what is written later, until it is stopped", async () => {
    const { bus, until } = await open();
    await bus.scores.put("a", bytes("1"), 0);
    const [stopped, going]: [string[], string[]] = [[], []];
    const take = (into: string[]) => (entry: KeyValueEntry) => {
      into.push(`${entry.key}=${read(entry)}`);
      throw new Error("from a watcher");
    };
    const watcher = bus.scores.watch(take(stopped));
    bus.scores.watch(take(going));
    expect(stopped).toEqual([]);
    await until(() => stopped.length === 1 && going.length === 1);
    await bus.scores.put("b", bytes("2"), 0);
    await until(() => stopped.length === 2 && going.length === 2);
    await watcher.stop();
    await bus.scores.put("c", bytes("3"), 0);
    await until(() => going.length === 3);
    expect(stopped).toEqual(["a=1", "b=2"]);
    expect(going).toEqual(["a=1", "b=2", "c=3"]);
  });

  test("takes the largest value and refuses what breaks a rule", async () => {
    const { scores } = (await open()).bus;
    const largest = new Uint8Array(MAX_VALUE_BYTES);
    expect(await scores.put("a", largest, 0)).toBeGreaterThan(0);
    const more = new Uint8Array(MAX_VALUE_BYTES + 1);
    await expect(scores.put("b", more, 0)).rejects.toThrow(RangeError);
    await expect(scores.put("b.*", bytes("1"), 0)).rejects.toThrow(RangeError);
    await expect(scores.get("b ")).rejects.toThrow(RangeError);
  });
}

export function removalContract(open: OpenTables): void {
  test("removes the revision of the key that it is told, and nothing newer or of another key", async () => {
    const { scores } = (await open()).bus;
    const first = (await scores.put("scores.a", bytes("1"), 0)) ?? 0;
    const other = (await scores.put("scores.b", bytes("1"), 0)) ?? 0;
    const second = (await scores.put("scores.a", bytes("2"), first)) ?? 0;
    expect(await scores.remove("scores.a", first)).toBe(false);
    expect(await scores.remove("scores.a", other)).toBe(false);
    expect(await scores.remove("scores.a", 0)).toBe(false);
    expect(await scores.remove("scores.c", second)).toBe(false);
    expect(read(await scores.get("scores.a"))).toBe("2");
    expect(await scores.remove("scores.a", second)).toBe(true);
    expect(await scores.remove("scores.a", second)).toBe(false);
    expect(await scores.get("scores.a")).toBeUndefined();
    expect((await scores.entries()).map(({ key }) => key)).toEqual(["scores.b"]);
    await expect(scores.remove("a b", 1)).rejects.toThrow(RangeError);
  });

  test("a key that was removed is written anew like one that never was", async () => {
    const { scores } = (await open()).bus;
    const first = (await scores.put("scores.a", bytes("1"), 0)) ?? 0;
    await scores.remove("scores.a", first);
    expect(await scores.put("scores.a", bytes("x"), first)).toBeUndefined();
    expect(await scores.put("scores.a", bytes("2"), 0)).toBeGreaterThan(first);
    expect((await scores.entries()).map((entry) => [entry.key, read(entry)])).toEqual([
      ["scores.a", "2"],
    ]);
  });

  test("of several who remove a revision or write over it, one succeeds", async () => {
    const { scores } = (await open()).bus;
    const first = (await scores.put("scores.a", bytes("1"), 0)) ?? 0;
    const done = await Promise.all([
      scores.remove("scores.a", first),
      scores.put("scores.a", bytes("2"), first).then((revision) => revision !== undefined),
      scores.remove("scores.a", first),
    ]);
    expect(done.filter((succeeded) => succeeded)).toHaveLength(1);
  });

  test("watchers hear nothing of a removal, and everything of what is written beside and after it", async () => {
    const { bus, until } = await open();
    const [early, late]: [string[], string[]] = [[], []];
    const take = (into: string[]) => (entry: KeyValueEntry) =>
      void into.push(`${entry.key}=${read(entry)}`);
    for (let index = 0; index < 40; index++) {
      await bus.scores.put(`k${index}`, bytes("1"), 0);
    }
    bus.scores.watch(take(early));
    await until(() => early.length === 40);
    for (let index = 0; index < 39; index++) {
      const entry = await bus.scores.get(`k${index}`);
      expect(await bus.scores.remove(`k${index}`, entry?.revision ?? 0)).toBe(true);
    }
    bus.scores.watch(take(late));
    await bus.scores.put("k0", bytes("2"), 0);
    await bus.scores.put("new", bytes("3"), 0);
    await until(() => early.length === 42 && late.includes("new=3"));
    expect(early.slice(40)).toEqual(["k0=2", "new=3"]);
    expect(new Set(late)).toEqual(new Set(["k39=1", "k0=2", "new=3"]));
  });
}
