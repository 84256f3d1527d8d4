import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, type ServiceError, status } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CompleteRequestSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { routerClient, specOf } from "../../support/router-client.ts";
import { type RunningRouter, startRouter } from "../../support/running-router.ts";

const MODEL = "openai/gpt-4o-mini";
const PATH = "/atlas.v1.RouterService/Complete";
const MEGABYTE = 1_048_576;

let router: RunningRouter;
let raw: Client;

beforeAll(async () => {
  router = await startRouter();
  raw = new Client(router.grpcUrl.replace("http://", ""), credentials.createInsecure());
});

afterAll(async () => {
  raw.close();
  await router.stop();
});

/** Sends bytes as they are, and resolves with the status they were answered with. */
function send(bytes: Uint8Array, deadlineMs = 10_000): Promise<ServiceError | undefined> {
  const same = (value: Buffer) => value;
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + deadlineMs };
    raw.makeUnaryRequest(PATH, same, same, Buffer.from(bytes), options, (error) =>
      resolve(error ?? undefined),
    );
  });
}

const typed = [
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.RESOURCE_EXHAUSTED,
];

describe("bytes that nobody would send by mistake", () => {
  test("are answered with a typed error, never with a crash, a hang or UNKNOWN", async () => {
    const valid = toBinary(
      CompleteRequestSchema,
      create(CompleteRequestSchema, { spec: specOf(MODEL) }),
    );
    const mutated = fc
      .array(fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) }), {
        minLength: 1,
        maxLength: 6,
      })
      .map((changes) => {
        const bytes = Uint8Array.from(valid);
        for (const { at, byte } of changes) {
          bytes[at] = byte;
        }
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), async (bytes) => {
        const error = await send(bytes);
        expect([undefined, ...typed]).toContain(error?.code);
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  test("above the limit are refused by their size", async () => {
    const error = await send(new Uint8Array(9 * MEGABYTE));
    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe("a long day of bad and good calls", () => {
  test("leaves memory where it was", async () => {
    const client = routerClient(router.grpcUrl);
    const hour = async () => {
      for (let round = 0; round < 30; round++) {
        await Promise.allSettled([
          client.complete({ spec: specOf(MODEL) }),
          client.complete({ spec: specOf(`nobody/${round}`) }),
          client.complete({ spec: specOf(MODEL, "x".repeat(20_000)) }, { timeoutMs: 1 }),
          client.complete({ spec: specOf(MODEL, "hi", { tools: [{}] }) }),
          client.complete({ spec: specOf(MODEL), requestId: crypto.randomUUID() }),
          send(new Uint8Array(500_000).fill(round)),
        ]);
      }
    };
    await hour();
    await hour();
    const beforeBytes = heapBytes();
    await hour();
    await hour();
    await hour();
    expect(heapBytes() - beforeBytes).toBeLessThan(4 * MEGABYTE);
  });
});

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  collect();
  return process.memoryUsage().heapUsed;
}
