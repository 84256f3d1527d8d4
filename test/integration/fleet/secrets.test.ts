import { expect, test } from "vitest";
import { describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import { callMany, configOf, held, startMember } from "./use-fleet.ts";

const CANARY = "c4n4ry-7f3a91-never-printed";

const logins = [
  {
    server: `authorization { user: atlas, password: "${CANARY}" }`,
    login: `, user: atlas, password: ${CANARY}`,
    renewed: `, user: atlas, password: ${CANARY}-renewed`,
  },
  {
    server: `authorization { token: "${CANARY}" }`,
    login: `, token: ${CANARY}`,
    renewed: `, token: ${CANARY}-renewed`,
  },
] as const;

await describeOnNewestNats("the login of bus.nats", (binary) => {
  test("appears in no output, be it a password or a token", async () => {
    await Promise.all(logins.map(expectSilence));
  });

  async function expectSilence({ server: config, login, renewed }: (typeof logins)[number]) {
    const server = await useNatsServer(binary, { config });
    const more = "log: { level: debug }";
    const settings = { name: "A", role: "router", natsUrl: server.url, login, more } as const;
    const welcome = await startMember(settings);
    await welcome.logged("NATS is connected");
    const refused = await startMember({ ...settings, name: "B", login: renewed });
    await refused.logged("uthorization");
    await callMany(welcome, 5);
    welcome.rewrite(configOf({ ...settings, login: renewed }));
    await welcome.logged("bus.nats");
    welcome.rewrite(configOf({ ...settings, login: `, nonsense: 1${renewed}` }));
    await welcome.logged("nothing was changed");
    await server.kill();
    await held(5_000, async () => {
      expect(await welcome.readiness()).toMatchObject({ degraded: true });
    });
    for (const member of [welcome, refused]) {
      const pages = await Promise.all(
        ["readyz", "healthz", "metrics"].map(async (page) =>
          (await fetch(`${member.httpUrl}/${page}`)).text(),
        ),
      );
      await member.stop();
      expect([...pages, member.output()].join("\n")).not.toContain(CANARY);
    }
  }
});
