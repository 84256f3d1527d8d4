import { resolve } from "node:path";
import { nkeys } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import { textReport } from "../../support/bus-contract.ts";
import { openNatsBus } from "../../support/nats-bus.ts";
import { createNatsOperator } from "../../support/nats-operator.ts";
import { describeOnNats, describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

function tlsFile(name: string): string {
  return resolve("test/fixtures/tls", name);
}

const tlsConfig = `tls {
  cert_file: "${tlsFile("server.pem")}"
  key_file: "${tlsFile("server-key.pem")}"
  ca_file: "${tlsFile("ca.pem")}"
  verify: true
}`;

await describeOnNats("a bus on NATS proves who it is", (binary) => {
  test("with a certificate, over TLS", async () => {
    const server = await useNatsServer(binary, { config: tlsConfig });
    const { bus } = openNatsBus({
      servers: [`tls://127.0.0.1:${server.port}`],
      tls: {
        caFile: tlsFile("ca.pem"),
        certFile: tlsFile("client.pem"),
        keyFile: tlsFile("client-key.pem"),
      },
    });
    await expect(bus.reports.publish(textReport("a"))).resolves.toBe(1);
  });

  test("and does not talk to a server that nobody it trusts vouches for", async () => {
    const server = await useNatsServer(binary, { config: tlsConfig });
    const { bus, lines } = openNatsBus({ servers: [`tls://127.0.0.1:${server.port}`] });
    await until(() => lines.length > 0);
    expect(lines[0]).toMatch(/^warn NATS is not to be had.*certificate/);
    expect(bus.status()).toBe("connecting");
  });

  test("and does not talk in the clear where encryption is demanded", async () => {
    const server = await useNatsServer(binary);
    const { lines } = openNatsBus({ servers: [`tls://127.0.0.1:${server.port}`] });
    await until(() => lines.length > 0);
    expect(lines[0]).toMatch(/does not support 'tls'/);
  });

  test("with an NKey", async () => {
    const pair = nkeys.createUser();
    const config = `authorization { users: [ { nkey: "${pair.getPublicKey()}" } ] }`;
    const server = await useNatsServer(binary, { config });
    const readSeed = () => pair.getSeed();
    const { bus } = openNatsBus({ servers: [server.url], auth: { kind: "nkey", readSeed } });
    await expect(bus.reports.publish(textReport("a"))).resolves.toBe(1);
  });

  test("with the credentials that an operator's account gave out", async () => {
    const { config, userCredentials } = createNatsOperator();
    const server = await useNatsServer(binary, { config });
    const bytes = new TextEncoder().encode(userCredentials());
    const auth = { kind: "credentials", read: () => bytes } as const;
    const { bus } = openNatsBus({ servers: [server.url], auth });
    await expect(bus.reports.publish(textReport("a"))).resolves.toBe(1);
  });

  test("not with those of another operator", async () => {
    const server = await useNatsServer(binary, { config: createNatsOperator().config });
    const bytes = new TextEncoder().encode(createNatsOperator().userCredentials());
    const auth = { kind: "credentials", read: () => bytes } as const;
    const { bus, lines } = openNatsBus({ servers: [server.url], auth });
    await until(() => lines.length > 0);
    expect(lines[0]).toMatch(/^error NATS refuses the credentials/);
    expect(bus.status()).toBe("connecting");
  });

  test("with credentials that are renewed before the old ones end", async () => {
    const { config, userCredentials } = createNatsOperator();
    const server = await useNatsServer(binary, { config });
    let file = userCredentials(3);
    const auth = { kind: "credentials", read: () => new TextEncoder().encode(file) } as const;
    const { bus } = openNatsBus({ servers: [server.url], auth });
    const changes: string[] = [];
    bus.onStatus((status) => changes.push(status));
    await until(() => bus.status() === "connected");
    file = userCredentials();
    await until(() => changes.length === 3);
    expect(changes).toEqual(["connected", "connecting", "connected"]);
    await expect(bus.reports.publish(textReport("a"))).resolves.toBe(1);
  });

  test("with a token", async () => {
    const config = 'authorization { token: "open-sesame" }';
    const server = await useNatsServer(binary, { config });
    const { bus } = openNatsBus({ servers: [`nats://open-sesame@127.0.0.1:${server.port}`] });
    await expect(bus.reports.publish(textReport("a"))).resolves.toBe(1);
  });
});

await describeOnNewestNats("a bus on NATS", (binary) => {
  test("speaks TLS before the server's first word where it is told so", async () => {
    const config = tlsConfig.replace("verify: true", "handshake_first: true");
    const server = await useNatsServer(binary, { config, isSilent: true });
    const caFile = tlsFile("ca.pem");
    const { bus } = openNatsBus({
      servers: [server.url],
      tls: { caFile, handshakeFirst: true },
    });
    await expect(bus.reports.publish(textReport("a"))).resolves.toBe(1);
  });
});
