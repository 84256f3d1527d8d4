import { JetStreamApiError, type StreamInfo } from "@nats-io/jetstream";
import { describe, expect, it } from "vitest";
import { ensureStreams, type StreamManager } from "../../../src/nats/streams.ts";

const placement = { replicas: 1, storage: "file", reportBytes: 1_024 * 1_024 * 1_024 } as const;

const refusal = (code: number, description: string) =>
  new JetStreamApiError({ code: 500, err_code: code, description });

/** A server without any stream that refuses to make the one of that name. */
function refusing(name: string, error: Error): StreamManager {
  return {
    streams: {
      info: async () => {
        throw refusal(10_059, "stream not found");
      },
      add: async (config) => {
        if (config.name === name) {
          throw error;
        }
        // Nothing is read of it.
        return {} as StreamInfo;
      },
      update: async () => ({}) as StreamInfo,
    },
  };
}

const refusedWith = (name: string, error: Error): Promise<unknown> =>
  ensureStreams(refusing(name, error), placement, () => undefined).then(
    () => undefined,
    (reason: unknown) => reason,
  );

describe("ensureStreams()", () => {
  it.each([
    refusal(10_002, "resource limits exceeded for account"),
    refusal(10_023, "insufficient resources"),
    refusal(10_028, "insufficient memory resources available"),
    refusal(10_047, "insufficient storage resources available"),
    refusal(10_122, "stream max bytes exceeds account limit max stream bytes"),
    refusal(10_005, "no suitable peers for placement, insufficient storage"),
  ])("says how large the stream of reports would be, and what to do, on: %s", async (error) => {
    expect(await refusedWith("HEALTH", error)).toEqual(
      new Error(
        `the server refuses the stream HEALTH of 1024 MiB: ${error.message}; give JetStream more room, or set bus.nats.reportBytes to less`,
        { cause: error },
      ),
    );
  });

  it.each([
    refusal(10_005, "no suitable peers for placement, peer offline"),
    refusal(10_027, "maximum number of streams reached"),
    refusal(10_039, "JetStream not enabled for account"),
    refusal(10_058, "stream name already in use with a different configuration"),
    refusal(10_065, "subjects overlap with an existing stream"),
    refusal(10_074, "replicas > 1 not supported in non-clustered mode"),
    new Error("timeout"),
  ])("leaves every other refusal as it is: %s", async (error) => {
    expect(await refusedWith("HEALTH", error)).toBe(error);
  });

  it("names the size of dead letters, which is no setting", async () => {
    const error = refusal(10_047, "insufficient storage resources available");
    expect(await refusedWith("DEADLETTER", error)).toEqual(
      new Error(
        "the server refuses the stream DEADLETTER of 64 MiB: insufficient storage resources available",
        { cause: error },
      ),
    );
  });

  it("leaves the refusal of a table as it is, which has no bound", async () => {
    const error = refusal(10_047, "insufficient storage resources available");
    expect(await refusedWith("KV_atlas_scores", error)).toBe(error);
  });
});
