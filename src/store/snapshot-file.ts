import { createHash } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { KeyValueEntry } from "../domain/bus.ts";
import type { Log, Random } from "../domain/ports.ts";

/**
 * The last scores in one file, so that a start without a bus plans with what was known.
 *
 * Nothing here may stop a router: what goes wrong is a line in the log, and there are no scores then. The
 * file appears whole or not at all, is readable by its owner alone, and is refused when a byte of it
 * differs from what was written. Processes that share one do no harm to it: the last to write it has it.
 */
export type SnapshotFile = {
  /** Absent: there is none, or it cannot be used. Never rejects. */
  load(): Promise<FiledSnapshot | undefined>;
  /** One after another. Never rejects. */
  save(snapshot: FiledSnapshot): Promise<void>;
};

export type FiledSnapshot = {
  /** Epoch milliseconds by this machine's clock. */
  readonly windowEndMs: number;
  readonly entries: readonly Pick<KeyValueEntry, "key" | "value">[];
};

export type SnapshotFileOptions = {
  readonly log: Log;
  /** Names what is written until it is whole, so that no two processes write one file. */
  readonly random: Random;
  /** Larger ones are neither written nor read. Default: 64 MiB. */
  readonly maxBytes?: number;
};

/** Thrice the scores of 20,000 endpoints. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/** Name and version of the layout: a file of another one is not read. */
const MAGIC = Buffer.from("ATLSCOR1");

const CHECKSUM_BYTES = 32;

/** Magic, window end, number of entries. */
const HEADER_BYTES = MAGIC.length + 8 + 4;

/** Lengths of key and value. */
const ENTRY_HEADER_BYTES = 4 + 4;

/** Of what is beside the file: `NAME.12 HEX DIGITS.tmp`, and the name that it had in earlier versions. */
const BESIDE = /^(\.[0-9a-f]{12})?\.tmp$/;
const HEX_DIGITS = 12;

/** To write a file takes seconds: what is older than what was just written was left by a process that ended. */
const LEFT_MS = 10 * 60_000;

const OWNER_ONLY = 0o600;
const OWNER_ONLY_DIRECTORY = 0o700;

export function createSnapshotFile(path: string, options: SnapshotFileOptions): SnapshotFile {
  const { log, random, maxBytes = DEFAULT_MAX_BYTES } = options;
  let isFailing = false;
  let isTidy = false;
  let saving = Promise.resolve();

  async function save(snapshot: FiledSnapshot): Promise<void> {
    try {
      const bytes = encodeSnapshot(snapshot);
      if (bytes.length > maxBytes) {
        throw new RangeError(`${bytes.length} bytes of scores: at most ${maxBytes} are stored`);
      }
      await replaceFile(path, bytes, random);
      isFailing = false;
      if (!isTidy) {
        isTidy = true;
        // The scores are stored: what cannot be tidied up is no reason to say otherwise.
        await removeLeftovers(path).catch(() => undefined);
      }
    } catch (cause) {
      log(isFailing ? "debug" : "warn", "scores could not be stored", { path, cause });
      isFailing = true;
    }
  }

  return {
    async load() {
      try {
        const bytes = await readBounded(path, maxBytes);
        return bytes && decodeSnapshot(bytes);
      } catch (cause) {
        log("warn", "stored scores could not be read", { path, cause });
        return undefined;
      }
    },
    save(snapshot) {
      saving = saving.then(() => save(snapshot));
      return saving;
    },
  };
}

/** Absent: there is no such file. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer | undefined> {
  const file = await openExisting(path);
  if (file === undefined) {
    return undefined;
  }
  try {
    const { size } = await file.stat();
    if (size > maxBytes) {
      throw new RangeError(`${size} bytes: at most ${maxBytes} are read`);
    }
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function openExisting(path: string) {
  try {
    return await open(path, "r");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") {
      return undefined;
    }
    throw cause;
  }
}

/** Beside it first, and on the disk before it takes the name. */
async function replaceFile(path: string, bytes: Uint8Array, random: Random): Promise<void> {
  const digits = Math.floor(random() * 16 ** HEX_DIGITS).toString(16);
  const beside = `${path}.${digits.padStart(HEX_DIGITS, "0")}.tmp`;
  await mkdir(dirname(path), { recursive: true, mode: OWNER_ONLY_DIRECTORY });
  // `wx` follows no link that somebody else put there, and leaves alone what another process writes.
  const file = await open(beside, "wx", OWNER_ONLY);
  try {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  } catch (cause) {
    await rm(beside, { force: true });
    throw cause;
  }
}

/** Of processes that were killed while they wrote. Rejects where the folder does not let us. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const name = basename(path);
  // By the clock of the file system alone, whatever ours says.
  const { mtimeMs } = await stat(path);
  for (const other of await readdir(folder)) {
    if (other.startsWith(name) && BESIDE.test(other.slice(name.length))) {
      const beside = join(folder, other);
      const left = await stat(beside).catch(() => undefined);
      if (left !== undefined && left.mtimeMs <= mtimeMs - LEFT_MS) {
        await rm(beside, { force: true });
      }
    }
  }
}

function encodeSnapshot({ windowEndMs, entries }: FiledSnapshot): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header);
  header.writeDoubleLE(windowEndMs, MAGIC.length);
  header.writeUInt32LE(entries.length, MAGIC.length + 8);
  const parts: Uint8Array[] = [header];
  for (const { key, value } of entries) {
    const name = Buffer.from(key);
    const lengths = Buffer.alloc(ENTRY_HEADER_BYTES);
    lengths.writeUInt32LE(name.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    parts.push(lengths, name, value);
  }
  return Buffer.concat([...parts, checksumOf(parts)]);
}

/** Throws with what is wrong. The checksum vouches for the lengths inside. */
function decodeSnapshot(bytes: Buffer): FiledSnapshot {
  const end = bytes.length - CHECKSUM_BYTES;
  if (end < HEADER_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new TypeError("no scores of this version's layout");
  }
  const body = bytes.subarray(0, end);
  if (!checksumOf([body]).equals(bytes.subarray(end))) {
    throw new TypeError("the checksum differs");
  }
  const windowEndMs = body.readDoubleLE(MAGIC.length);
  const count = body.readUInt32LE(MAGIC.length + 8);
  const entries: FiledSnapshot["entries"][number][] = [];
  let offset = HEADER_BYTES;
  while (entries.length < count) {
    const keyEnd = offset + ENTRY_HEADER_BYTES + body.readUInt32LE(offset);
    const valueEnd = keyEnd + body.readUInt32LE(offset + 4);
    entries.push({
      key: body.toString("utf8", offset + ENTRY_HEADER_BYTES, keyEnd),
      value: body.subarray(keyEnd, valueEnd),
    });
    offset = valueEnd;
  }
  return { windowEndMs, entries };
}

function checksumOf(parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) {
    hash.update(part);
  }
  return hash.digest();
}
