import { expect, onTestFinished, test } from "vitest";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { createTcpProxy } from "../../support/tcp-proxy.ts";
import {
  callMany,
  expectEqualScores,
  held,
  leaderOf,
  pageOf,
  startMember,
  startMembers,
} from "./use-fleet.ts";

await describeOnNats("three routers and two scorers", (binary) => {
  async function start() {
    const server = await useNatsServer(binary);
    const scorers = await startMembers("scorer", ["one", "two"], server.url);
    const [a, b, c] = await startMembers("router", ["A", "B", "C"], server.url);
    if (a === undefined || b === undefined || c === undefined) {
      throw new Error("three were started");
    }
    return { server, scorers, a, b, c, all: [a, b, c, ...scorers] };
  }

  test("what router A learns is on the pages of all, also after the leading scorer stopped", async () => {
    const { scorers, a, b, c, all } = await start();
    await callMany(a, 40);
    await held(10_000, () => expectEqualScores(all, 40));
    const [ofA, ofB, ofC] = await Promise.all([a, b, c].map(pageOf));
    expect([ofA, ofB]).toEqual([ofC, ofC]);
    const [leader, others] = await leaderOf(scorers);
    await leader.stop();
    await held(15_000, async () => void (await leaderOf(others)));
    await callMany(a, 10);
    await held(5_000, () => expectEqualScores([a, b, c, ...others], 50));
  });

  test("no call fails while nats-server is killed, and all agree 5 s after it is back", async () => {
    const { server, a, b, c, all } = await start();
    await callMany(a, 20);
    await held(10_000, () => expectEqualScores(all, 20));
    await server.kill();
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([a, b, c].map((router) => callMany(router, 4)));
    }
    await held(5_000, async () => {
      expect(await a.readiness()).toMatchObject({ status: 200, ready: true, degraded: true });
    });
    await server.start();
    await held(5_000, () => expectEqualScores(all, 140));
    expect(await a.readiness()).toMatchObject({ degraded: false, bus: "connected" });
  });

  test("the other scorer takes over from a leader that is cut off", async () => {
    const server = await useNatsServer(binary);
    const links = await Promise.all(
      ["one", "two"].map(async (name) => {
        const proxy = await createTcpProxy(server.port);
        onTestFinished(proxy.close);
        const natsUrl = `nats://127.0.0.1:${proxy.port}`;
        return { proxy, scorer: await startMember({ name, role: "scorer", natsUrl }) };
      }),
    );
    const scorers = links.map(({ scorer }) => scorer);
    const routers = await startMembers("router", ["A", "C"], server.url);
    await held(15_000, async () => void (await leaderOf(scorers)));
    const [leader, others] = await leaderOf(scorers);
    const cutOff = links.find(({ scorer }) => scorer === leader)?.proxy;
    cutOff?.stall();
    await held(15_000, async () => void (await leaderOf(others)));
    await Promise.all(routers.map((router) => callMany(router, 5)));
    await held(5_000, () => expectEqualScores([...routers, ...others], 10));
    expect((await leader.readiness()).scorer).toMatchObject({ leader: false });
    cutOff?.heal();
    await held(5_000, () => expectEqualScores([...routers, ...scorers], 10));
  });
});
