import { connect } from "@nats-io/transport-node";
import { expect, onTestFinished, test } from "vitest";
import { BusPassedOver, BusRefused, BusUnavailable } from "../../../src/domain/bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { createReporter } from "../../../src/health/reporter.ts";
import { textReport } from "../../support/bus-contract.ts";
import { openNatsBus, realNowMs } from "../../support/nats-bus.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";

const config = `authorization { users: [ {
  user: atlas, password: pw, permissions: { publish: { deny: ["atlas.health.v1.b"] } }
} ] }`;

const urlOf = (port: number) => `nats://atlas:pw@127.0.0.1:${port}`;

await describeOnNats("a subject that the server denies", (binary) => {
  test("is told as such at once, and each time", async () => {
    const { port } = await useNatsServer(binary, { config });
    const { bus, lines } = openNatsBus({ servers: [urlOf(port)] });
    await until(() => bus.status() === "connected");
    const startMs = realNowMs();
    const denied = ["1", "2"].map((id) => bus.reports.publish(textReport(id, { token: "b" })));
    const taken = ["3", "4"].map((id) => bus.reports.publish(textReport(id, { token: "a" })));
    for (const refusal of await Promise.allSettled(denied)) {
      expect(refusal).toMatchObject({ reason: expect.any(BusRefused) });
      expect(refusal).not.toMatchObject({ reason: expect.any(BusUnavailable) });
    }
    await expect(Promise.all(taken)).resolves.toEqual([1, 2]);
    // Neither waits for an answer that does not come.
    expect(realNowMs() - startMs).toBeLessThan(1_500);
    expect(lines).toContainEqual(expect.stringMatching(/^warn NATS denies a right/));
  });

  test("keeps a producer from telling of none of the others", async () => {
    const { port } = await useNatsServer(binary, { config });
    const { bus } = openNatsBus({ servers: [urlOf(port)] });
    await until(() => bus.status() === "connected");
    const logged: unknown[] = [];
    const reporter = createReporter({
      reports: bus.reports,
      nowMs: realNowMs,
      schedule(delayMs, task) {
        const timer = setTimeout(task, delayMs);
        return () => clearTimeout(timer);
      },
      random: () => 0.5,
      producer: "router-1",
      boot: 7n,
      modelOf: () => "m",
      log: (level, message, fields) => logged.push([level, message, fields]),
    });
    onTestFinished(() => reporter.close());
    const signal = (endpoint: string) =>
      reporter.signal(endpoint as EndpointId, { kind: "breaker", state: "open" });

    signal("b");
    for (let index = 0; index < 400; index += 1) {
      signal(`a${index}`);
    }
    // Long before the report of `b` lapses, and before it would be tried again.
    await until(() => reporter.stats().published === 400, 5_000);
    expect(reporter.stats()).toMatchObject({ rejected: 1, unacknowledged: 0, lapsed: 0 });
    expect(logged).toEqual([
      [
        "error",
        "the bus refuses the health reports of an endpoint",
        expect.objectContaining({ endpoint: "b", rejected: 1, error: expect.any(BusRefused) }),
      ],
    ]);
  });
});

await describeOnNats("a subject that leads elsewhere", (binary) => {
  test("is told as one that is passed over, by what the stream answers to", async () => {
    const server = await useNatsServer(binary, {
      config: 'mappings { "atlas.health.v1.b": "void" }',
    });
    const { bus } = openNatsBus({ servers: [server.url] });
    const mute = await connect({ servers: server.url });
    onTestFinished(() => mute.close());
    mute.subscribe("void", { callback: () => undefined });
    await mute.flush();
    await until(() => bus.status() === "connected");
    await bus.reports.publish(textReport("0", { token: "a" }));

    // Nothing else follows, as where it shuts the window of its producer: the stream has to be asked.
    const passedOver = bus.reports.publish(textReport("1", { token: "b" }));
    await expect(passedOver).rejects.toBeInstanceOf(BusPassedOver);
    // What it was asked for is not stored.
    await expect(bus.reports.publish(textReport("2", { token: "a" }))).resolves.toBe(2);
  });
});
