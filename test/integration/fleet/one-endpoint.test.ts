import { readFileSync } from "node:fs";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { tokenOf } from "../../../src/health/endpoint-token.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import { held, MODEL, startMember } from "./use-fleet.ts";

const OWN = "vllm-eu/llama-4-scout";
const OWN_SUBJECT = `atlas.health.v1.${tokenOf(OWN)}`;

/** What docs/health.md tells operators to write. */
function documentedConfig(): string {
  const [, block] =
    /```\n(authorization[\s\S]*?)```/.exec(readFileSync("docs/health.md", "utf8")) ?? [];
  expect(block).toContain(`"${OWN_SUBJECT}"`);
  return block ?? "";
}

function downOf(endpoint: string, sequence: number): Uint8Array {
  return encodeReport({
    producer: "engine-1",
    boot: 1n,
    sequence,
    endpoint: endpoint as EndpointId,
    model: MODEL,
    observedAtMs: Date.now(),
    signal: { kind: "state", state: "down", reason: "", ttlMs: 600_000 },
  });
}

await describeOnNewestNats("a producer that may tell of one endpoint", (binary) => {
  test("tells of it, and of no other whatever subject or name it uses", async () => {
    const server = await useNatsServer(binary, { config: documentedConfig() });
    const login = ", user: atlas, password: of the fleet";
    const scorer = await startMember({ name: "A", role: "scorer", natsUrl: server.url, login });
    await held(10_000, async () => {
      expect((await scorer.readiness()).scorer).toMatchObject({ leader: true });
    });
    const engine = await connect({
      servers: server.url,
      user: "scout",
      pass: "of the engine",
      inboxPrefix: "_INBOX_scout",
    });
    onTestFinished(() => engine.close());
    const client = jetstream(engine);
    const send = (subject: string, bytes: Uint8Array, msgID: string) =>
      client.publish(subject, bytes, { msgID, timeout: 2_000 });

    const own = await send(OWN_SUBJECT, downOf(OWN, 1), "engine-1:1:1");
    await send(OWN_SUBJECT, downOf(MODEL, 2), "engine-1:1:2");
    await expect(
      send(`atlas.health.v1.${tokenOf(MODEL)}`, downOf(MODEL, 3), "engine-1:1:3"),
    ).rejects.toThrow(/ermission/);
    await expect(jetstreamManager(engine)).rejects.toThrow();

    const admin = await connect({ servers: server.url, user: "atlas", pass: "of the fleet" });
    onTestFinished(() => admin.close());
    const { streams } = await jetstreamManager(admin);
    await held(10_000, async () => {
      const letter = await streams.getMessage("DEADLETTER", { seq: 1 });
      expect(letter?.header.get("atlas-reason")).toBe("wrong-token");
      expect(letter?.header.get("atlas-sequence")).toBe(String(own.seq + 1));
    });
    expect((await streams.info("DEADLETTER")).state.messages).toBe(1);
  });
});
