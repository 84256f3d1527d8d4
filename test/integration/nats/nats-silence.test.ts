import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { BusUnavailable } from "../../../src/domain/bus.ts";
import { textOf, textReport } from "../../support/bus-contract.ts";
import { openNatsBus } from "../../support/nats-bus.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { until } from "../../support/until.ts";
import { follow, inOrder, publishUntilStored } from "./reporting.ts";

const SILENCE_MS = 30_000;

await describeOnNats("a bus on NATS survives", (binary) => {
  test("a server that is silent for 30 s, longer than a connection is kept", {
    timeout: 60_000,
  }, async () => {
    const server = await useNatsServer(binary);
    const patient = openNatsBus({ servers: [server.url] });
    const hasty = openNatsBus({ servers: [server.url], pingIntervalMs: 1_000 });
    const buses = [patient.bus, hasty.bus];
    const followed = buses.map(follow);
    await publishUntilStored(patient.bus, "a");
    await until(() => followed.every(({ reports }) => reports.length === 1));
    await server.pause();
    const startedMs = performance.now();
    const publishing = publishUntilStored(hasty.bus, "d");
    await expect(patient.bus.reports.publish(textReport("b"))).rejects.toThrow(BusUnavailable);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(buses.map((bus) => bus.status())).toEqual(["connected", "connecting"]);
    await delay(SILENCE_MS - (performance.now() - startedMs));
    // The third ping without an answer may come as late as that.
    await until(() => buses.every((bus) => bus.status() === "connecting"));
    server.resume();
    await publishUntilStored(patient.bus, "b");
    await publishUntilStored(patient.bus, "c");
    await publishing;
    await until(() => followed.every(({ reports }) => reports.length === 4));
    const [one, two] = followed.map(({ reports }) => reports.map(textOf));
    expect(inOrder(one ?? [])).toEqual(["a", "b", "c", "d"]);
    expect(two).toEqual(one);
    expect(followed.map(({ epochs }) => epochs.length)).toEqual([1, 1]);
    const connected = [patient, hasty].map(
      ({ lines }) => lines.filter((line) => line.startsWith("info NATS is connected")).length,
    );
    expect(connected).toEqual([2, 2]);
  });
});
