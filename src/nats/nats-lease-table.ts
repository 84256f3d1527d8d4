import type { KV } from "@nats-io/kv";
import type { LeaseTable } from "../domain/bus.ts";
import { keyProblem } from "../domain/bus-rules.ts";
import { isWrongRevision } from "./bus-error.ts";
import { type NatsTableOptions, withTable, writeIf } from "./nats-key-value.ts";

/** The entry may lapse between our look and our write, and somebody else's too. */
const TRIES = 3;

/**
 * Leases in a table whose entries the server forgets after 10 s.
 *
 * Holding one is writing one's name with compare-and-set, so two owners cannot both succeed.
 */
export function createNatsLeaseTable(
  options: Pick<NatsTableOptions, "link" | "bucket">,
): LeaseTable {
  async function takeFrom(table: KV, name: string, owner: string): Promise<boolean> {
    const value = new TextEncoder().encode(owner);
    for (let tries = 0; tries < TRIES; tries++) {
      const held = await table.get(name);
      const isHeld = held?.operation === "PUT";
      if (isHeld && held.string() !== owner) {
        return false;
      }
      const revision = isHeld ? held.revision : 0;
      if ((await writeIf(table, { key: name, value, revision })) !== undefined) {
        return true;
      }
    }
    return false;
  }

  async function releaseIn(table: KV, name: string, owner: string): Promise<void> {
    const held = await table.get(name);
    if (held?.operation !== "PUT" || held.string() !== owner) {
      return;
    }
    try {
      await table.delete(name, { previousSeq: held.revision });
    } catch (error) {
      if (!isWrongRevision(error)) {
        throw error;
      }
    }
  }

  async function holderIn(table: KV, name: string): Promise<string | undefined> {
    const held = await table.get(name);
    return held?.operation === "PUT" ? held.string() : undefined;
  }

  return {
    async take(name, owner) {
      assertName(name);
      return await withTable(options, (table) => takeFrom(table, name, owner));
    },
    async release(name, owner) {
      assertName(name);
      await withTable(options, (table) => releaseIn(table, name, owner));
    },
    async holder(name) {
      assertName(name);
      return await withTable(options, (table) => holderIn(table, name));
    },
  };
}

function assertName(name: string): void {
  const problem = keyProblem(name);
  if (problem !== undefined) {
    throw new RangeError(problem);
  }
}
