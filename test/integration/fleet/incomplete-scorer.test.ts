import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { tokenOf } from "../../../src/health/endpoint-token.ts";
import { describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import { callMany, expectEqualScores, held, type Member, MODEL, startMember } from "./use-fleet.ts";

/** The least there is: a subject then holds 5,461 reports. */
const SMALL = ", reportBytes: 67108864";
const OF_A_SUBJECT = 5_461;
const PART = 1_000;
const FLOOD = 7 * PART;

await describeOnNewestNats("a scorer that misses reports", (binary) => {
  test("leads only when nobody who misses none does", async () => {
    const server = await useNatsServer(binary);
    // The largest setting of all of them would count.
    const start = (name: string, role: "router" | "scorer") =>
      startMember({ name, role, natsUrl: server.url, login: SMALL });
    const whole = await start("whole", "scorer");
    const router = await start("A", "router");
    await callMany(router, 20);
    await held(15_000, () => expectEqualScores([router, whole], 20));
    await held(15_000, async () => {
      expect((await whole.readiness()).scorer).toMatchObject({ leader: true, missingMs: 0 });
    });

    const connection = await connect({ servers: server.url });
    onTestFinished(() => connection.close());
    const { streams } = await jetstreamManager(connection);
    await held(15_000, async () => {
      const tick = await streams.getMessage("HEALTH", { last_by_subj: "atlas.health.v1._tick" });
      expect(tick).not.toBeNull();
    });
    // What nobody can read takes room as well, and changes no score. In parts, for a flood that is faster
    // than its reader costs the one that follows some, too.
    for (let sent = 0; sent < FLOOD; sent += PART) {
      for (let index = 0; index < PART; index += 1) {
        connection.publish(`atlas.health.v1.${tokenOf(MODEL)}`, Uint8Array.of(255));
      }
      await held(15_000, async () => {
        expect(await pageOfMetrics(whole)).toContain(
          `{atlas_verdict="undecodable"} ${sent + PART}`,
        );
      });
    }

    const late = await start("late", "scorer");
    await held(15_000, async () => {
      const { scorer } = await late.readiness();
      expect(scorer).toMatchObject({ caughtUp: true, leader: false });
      // The flood pushed out its own beginning and what was told on its subject before.
      expect(scorer?.lostReports).toBeGreaterThanOrEqual(FLOOD - OF_A_SUBJECT);
      expect(scorer?.missingMs).toBeGreaterThan(32 * 60_000);
    });
    expect((await whole.readiness()).scorer).toMatchObject({ leader: true, lostReports: 0 });
    expect(await pageOfMetrics(late)).toMatch(/^atlas_scorer_reports_lost_total [1-9]/m);

    // Better than none.
    await whole.stop();
    const leaderlessMs = await held(40_000, async () => {
      expect((await late.readiness()).scorer).toMatchObject({ leader: true });
    });
    expect(leaderlessMs).toBeGreaterThan(15_000);
  }, 90_000);
});

async function pageOfMetrics({ httpUrl }: Member): Promise<string> {
  return await (await fetch(`${httpUrl}/metrics`)).text();
}
