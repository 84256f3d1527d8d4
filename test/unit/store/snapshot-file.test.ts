import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSnapshotFile, type FiledSnapshot } from "../../../src/store/snapshot-file.ts";

const snapshot: FiledSnapshot = {
  windowEndMs: 1_800_000_000_000.5,
  entries: [
    { key: "version", value: Uint8Array.of(1, 2, 3) },
    { key: "scores.m", value: new Uint8Array() },
  ],
};

type Line = { readonly level: string; readonly message: string; readonly cause: unknown };

let folder: string;
let path: string;
let lines: Line[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "atlas-snapshot-"));
  path = join(folder, "state", "scores");
  lines = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

function fileAt(place = path, maxBytes?: number, random = Math.random) {
  return createSnapshotFile(place, {
    random,
    log: (level, message, fields) => lines.push({ level, message, cause: fields?.["cause"] }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  });
}

function plain(loaded: FiledSnapshot | undefined) {
  return loaded?.entries.map(({ key, value }) => ({ key, value: Uint8Array.from(value) }));
}

describe("createSnapshotFile()", () => {
  test("loads what was saved", async () => {
    await fileAt().save(snapshot);
    const loaded = await fileAt().load();
    expect(loaded?.windowEndMs).toBe(snapshot.windowEndMs);
    expect(plain(loaded)).toEqual(snapshot.entries);
    expect(lines).toEqual([]);
  });

  test("there is nothing to load before anything was saved", async () => {
    await expect(fileAt().load()).resolves.toBeUndefined();
    expect(lines).toEqual([]);
  });

  test("the file is its owner's alone and leaves nothing beside it", async () => {
    await fileAt().save(snapshot);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(readdir(join(folder, "state"))).resolves.toEqual(["scores"]);
  });

  test("leftovers of killed processes are removed, and nothing that may be in use or is somebody else's", async () => {
    const state = join(folder, "state");
    await mkdir(state);
    const old = new Date(Date.now() - 20 * 60_000);
    const leave = async (name: string, time: Date) => {
      await writeFile(join(state, name), "half");
      await utimes(join(state, name), time, time);
    };
    await leave("scores.tmp", old);
    await leave("scores.0123456789ab.tmp", old);
    await leave("scores.ba9876543210.tmp", new Date());
    await leave("scores.old.tmp", old);
    await leave("other.0123456789ab.tmp", old);
    await fileAt().save(snapshot);
    expect((await readdir(state)).toSorted()).toEqual([
      "other.0123456789ab.tmp",
      "scores",
      "scores.ba9876543210.tmp",
      "scores.old.tmp",
    ]);
    expect((await fileAt().load())?.windowEndMs).toBe(snapshot.windowEndMs);
    expect(lines).toEqual([]);
  });

  test("a leftover that cannot be removed is no reason to say that scores were not stored", async () => {
    const leftover = `${path}.0123456789ab.tmp`;
    await mkdir(leftover, { recursive: true });
    const old = new Date(Date.now() - 20 * 60_000);
    await utimes(leftover, old, old);
    await fileAt().save(snapshot);
    expect((await fileAt().load())?.windowEndMs).toBe(snapshot.windowEndMs);
    expect((await stat(leftover)).isDirectory()).toBe(true);
    expect(lines).toEqual([]);
  });

  test("of processes that share a file each writes its own until it is whole", async () => {
    const large = { ...snapshot, entries: [{ key: "k", value: new Uint8Array(4_000_000) }] };
    await fileAt().save(snapshot);
    for (let round = 0; round < 5; round += 1) {
      const [one, other] = [fileAt(), fileAt()];
      const saving = Promise.all([one.save(large), other.save(snapshot), fileAt().save(large)]);
      for (let look = 0; look < 20; look += 1) {
        expect(await fileAt().load()).toBeDefined();
      }
      await saving;
    }
    expect(lines).toEqual([]);
    await expect(readdir(join(folder, "state"))).resolves.toEqual(["scores"]);
  });

  test("what another process is writing is neither written over nor removed", async () => {
    const beside = `${path}.800000000000.tmp`;
    await fileAt().save(snapshot);
    await writeFile(beside, "of another");
    await fileAt(path, undefined, () => 0.5).save({ ...snapshot, windowEndMs: 5 });
    await expect(readFile(beside, "utf8")).resolves.toBe("of another");
    expect((await fileAt().load())?.windowEndMs).toBe(snapshot.windowEndMs);
    expect(lines).toMatchObject([{ level: "warn", cause: { code: "EEXIST" } }]);
  });

  test("saves one after another, and the last one stays", async () => {
    const file = fileAt();
    await Promise.all([1, 2, 3].map((windowEndMs) => file.save({ ...snapshot, windowEndMs })));
    expect((await file.load())?.windowEndMs).toBe(3);
    expect(lines).toEqual([]);
  });

  test("no byte can change unnoticed", async () => {
    await fileAt().save(snapshot);
    const bytes = await readFile(path);
    for (let index = 0; index < bytes.length; index += 1) {
      const broken = Buffer.from(bytes);
      broken.writeUInt8(broken.readUInt8(index) ^ 1, index);
      await writeFile(path, broken);
      await expect(fileAt().load()).resolves.toBeUndefined();
    }
    expect(lines).toHaveLength(bytes.length);
    expect(new Set(lines.map(({ level }) => level))).toEqual(new Set(["warn"]));
  });

  test("no part of a file is taken for the whole", async () => {
    await fileAt().save(snapshot);
    const bytes = await readFile(path);
    for (let length = 0; length < bytes.length; length += 1) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(fileAt().load()).resolves.toBeUndefined();
    }
    expect(lines).toHaveLength(bytes.length);
  });

  test("a place that cannot be read is told", async () => {
    await writeFile(join(folder, "state"), "a file, no folder");
    await expect(fileAt().load()).resolves.toBeUndefined();
    expect(lines).toMatchObject([{ level: "warn", cause: { code: "ENOTDIR" } }]);
  });

  test("what is too large is not read", async () => {
    await fileAt().save(snapshot);
    await expect(fileAt(path, 10).load()).resolves.toBeUndefined();
    expect(lines.map(({ cause }) => String(cause))).toEqual([
      expect.stringContaining("at most 10 are read"),
    ]);
  });

  test("what is too large is not written, and what is there stays", async () => {
    await fileAt().save(snapshot);
    await fileAt(path, 10).save({ ...snapshot, windowEndMs: 5 });
    expect((await fileAt().load())?.windowEndMs).toBe(snapshot.windowEndMs);
    expect(lines.map(({ level }) => level)).toEqual(["warn"]);
  });

  test("a place that cannot be written is told once and forgiven when it can", async () => {
    await writeFile(join(folder, "state"), "a file, no folder");
    const file = fileAt();
    await file.save(snapshot);
    await file.save(snapshot);
    await rm(join(folder, "state"));
    await file.save(snapshot);
    await rm(join(folder, "state"), { recursive: true });
    await writeFile(join(folder, "state"), "again");
    await file.save(snapshot);
    expect(lines.map(({ level }) => level)).toEqual(["warn", "debug", "warn"]);
  });

  test("a name that is taken by a folder is told, and nothing is left beside it", async () => {
    await fileAt(join(path, "inner")).save(snapshot);
    await fileAt().save(snapshot);
    await expect(fileAt().load()).resolves.toBeUndefined();
    await expect(readdir(join(folder, "state"))).resolves.toEqual(["scores"]);
    expect(lines.map(({ level }) => level)).toEqual(["warn", "warn"]);
  });
});
