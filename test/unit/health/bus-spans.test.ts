import { describe, expect, it } from "vitest";
import { busAttributes, busSpans, messageAttributes } from "../../../src/health/bus-spans.ts";
import { shownAttributes } from "../../support/shown-span.ts";

describe("messageAttributes()", () => {
  it("names the subject, and the subjects of all endpoints apart from it", () => {
    const report = { token: "azure-one", bytes: new Uint8Array(3) };
    expect(shownAttributes(messageAttributes("publish", "memory", report))).toEqual({
      "messaging.system.name": "memory",
      "messaging.operation.name": "publish",
      "messaging.operation.type": "send",
      "messaging.destination.name": "atlas.health.v1.azure-one",
      "messaging.destination.template": "atlas.health.v1.*",
      "messaging.message.body.size": 3,
    });
    expect(shownAttributes(messageAttributes("process", "nats", report))).toMatchObject({
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
    });
  });

  it("has a name of its own for everything", () => {
    const names = [...Object.values(busSpans), ...Object.values(busAttributes)];
    expect(new Set(names).size).toBe(names.length);
    expect(Object.values(busAttributes).every((name) => /^(messaging|atlas)\./.test(name))).toBe(
      true,
    );
  });
});
