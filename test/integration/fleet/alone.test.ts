import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { NatsBinary } from "../../support/nats-binaries.ts";
import { createNatsServer } from "../../support/nats-process.ts";
import { describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import {
  callMany,
  countedOn,
  expectEqualScores,
  held,
  MODEL,
  pageOf,
  startMember,
  startMembers,
} from "./use-fleet.ts";

async function useAbsentServer(binary: NatsBinary) {
  const server = await createNatsServer(binary);
  onTestFinished(server.dispose);
  return server;
}

await describeOnNewestNats("routers without NATS", (binary) => {
  test("serve at once when it is absent at boot, and agree when it arrives", async () => {
    const server = await useAbsentServer(binary);
    const scorers = await startMembers("scorer", ["one", "two"], server.url);
    const routers = await startMembers("router", ["A", "B", "C"], server.url);
    await Promise.all(routers.map((router) => callMany(router, 5)));
    for (const member of [...routers, ...scorers]) {
      expect(await member.readiness()).toMatchObject({
        status: 200,
        ready: true,
        degraded: true,
        bus: "connecting",
      });
    }
    await server.start();
    await held(5_000, () => expectEqualScores([...routers, ...scorers], 15));
    for (const member of [...routers, ...scorers]) {
      expect(await member.readiness()).toMatchObject({ ready: true, degraded: false });
    }
  });

  test.each([
    ["the folder for state", (folder: string) => ({ env: { XDG_STATE_HOME: folder } })],
    [
      "a file with a name",
      (folder: string) => ({ more: `health: { snapshotFile: ${join(folder, "scores")} }` }),
    ],
  ])("plan with the scores that were kept in %s when they start again", async (_, place) => {
    const folder = mkdtempSync(join(tmpdir(), "atlas-fleet-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const server = await useNatsServer(binary);
    await startMembers("scorer", ["one"], server.url);
    const settings = { name: "A", role: "router", natsUrl: server.url, ...place(folder) } as const;
    const first = await startMember(settings);
    await callMany(first, 20);
    await held(10_000, async () => expect(countedOn(await pageOf(first))).toBe(20));
    const before = await pageOf(first);
    await first.stop();
    await server.kill();

    const second = await startMember(settings);
    expect(await second.readiness()).toMatchObject({ ready: true, degraded: true });
    expect(await pageOf(second)).toEqual(before);
    const { decision } = await second.client.route({ spec: { model: MODEL } });
    expect(decision?.scoreAge).toBeDefined();
    expect(decision?.scoreRevision).toBeGreaterThan(0n);
    await callMany(second, 5);
  });
});
