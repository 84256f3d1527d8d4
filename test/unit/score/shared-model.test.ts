import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import {
  createReadingTools,
  createSharedEndpoint,
  type SharedEndpoint,
} from "../../../src/score/shared-endpoint.ts";
import { createSharedModel, type SharedModel } from "../../../src/score/shared-model.ts";
import { createPackingTable } from "../../../src/score/shared-window.ts";
import { hexOf } from "./make-report.ts";

const MINUTE_MS = 60_000;
const tools = createReadingTools(sha256);

/** Probed in minute 0. */
function probed(id: string): SharedEndpoint {
  const endpoint = createSharedEndpoint(id as EndpointId, createPackingTable());
  endpoint.addProbe(0, true);
  return endpoint;
}

function modelOf(endpoints: readonly SharedEndpoint[], id = "m"): SharedModel {
  const model = createSharedModel(id);
  for (const endpoint of endpoints) {
    model.add(endpoint);
  }
  return model;
}

function idsOf(model: SharedModel, nowMs: number): readonly string[] {
  return model.endpoints(nowMs, tools).map(({ endpoint }) => endpoint);
}

describe("createSharedModel()", () => {
  test("orders endpoints by the UTF-16 units of their ids", () => {
    const ids = ["b", "\u{1f600}", "\uffff", "a", "B", "a/b"];
    expect(idsOf(modelOf(ids.map(probed)), MINUTE_MS)).toEqual([
      "B",
      "a",
      "a/b",
      "b",
      "\u{1f600}",
      "\uffff",
    ]);
  });

  test("leaves out endpoints without evidence", () => {
    expect(idsOf(modelOf([probed("a")]), 0)).toEqual([]);
  });

  test("gives the same list while nothing changes", () => {
    const endpoint = probed("a");
    const model = modelOf([endpoint]);
    const first = model.endpoints(MINUTE_MS, tools);
    expect(model.endpoints(MINUTE_MS + 1, tools)).toBe(first);
    model.touch();
    endpoint.addProbe(MINUTE_MS, true);
    expect(model.endpoints(MINUTE_MS + 1, tools)).not.toBe(first);
  });

  test("is changed until it was read", () => {
    const endpoint = probed("a");
    const model = modelOf([endpoint]);
    expect(model.isChanged(0)).toBe(true);
    idsOf(model, 0);
    expect([model.isChanged(MINUTE_MS - 1), model.isChanged(MINUTE_MS)]).toEqual([false, true]);
    idsOf(model, MINUTE_MS);
    model.touch();
    endpoint.addProbe(0, true);
    expect(model.isChanged(MINUTE_MS)).toBe(true);
    model.stateHash(MINUTE_MS, tools);
    expect(model.isChanged(MINUTE_MS)).toBe(true);
    idsOf(model, MINUTE_MS);
    expect(model.isChanged(MINUTE_MS)).toBe(false);
    model.remove(endpoint);
    expect(model.isChanged(MINUTE_MS)).toBe(true);
    expect(idsOf(model, MINUTE_MS)).toEqual([]);
  });

  test("reads as many endpoints as there is time for, and the rest the next time", () => {
    const ids = ["a", "b", "c", "d", "e"];
    const endpoints = ids.map(probed);
    const model = modelOf(endpoints);
    const due = () => endpoints.filter((endpoint) => endpoint.isDue(MINUTE_MS)).map(({ id }) => id);
    let asked = 0;
    const afterTwo = () => {
      asked += 1;
      return asked % 2 === 0;
    };
    expect(model.readOn(MINUTE_MS, tools, afterTwo)).toBe(false);
    expect(due()).toEqual(["c", "d", "e"]);
    model.touch();
    endpoints[0]?.addProbe(MINUTE_MS, true);
    expect(model.readOn(MINUTE_MS, tools, afterTwo)).toBe(false);
    expect(model.readOn(MINUTE_MS, tools, afterTwo)).toBe(true);
    expect(due()).toEqual(["a"]);
    expect(model.isChanged(MINUTE_MS)).toBe(true);
    model.remove(endpoints[4] ?? probed("f"));
    expect(model.readOn(MINUTE_MS, tools, () => false)).toBe(true);
    expect(due()).toEqual([]);
    expect(idsOf(model, MINUTE_MS)).toEqual(["a", "b", "c", "d"]);
  });

  test("reads the rest for whoever asks in the middle of a reading", () => {
    const model = modelOf([probed("a"), probed("b"), probed("c")]);
    const whole = modelOf([probed("a"), probed("b"), probed("c")]);
    expect(model.readOn(MINUTE_MS, tools, () => true)).toBe(false);
    expect(idsOf(model, MINUTE_MS)).toEqual(["a", "b", "c"]);
    expect(hexOf(model.stateHash(MINUTE_MS, tools))).toBe(hexOf(whole.stateHash(MINUTE_MS, tools)));
  });

  test("is held while one of its endpoints is", () => {
    expect(modelOf([]).isHeld(0)).toBe(false);
    const model = modelOf([probed("a")]);
    expect([31 * MINUTE_MS - 1, 31 * MINUTE_MS].map(model.isHeld)).toEqual([true, false]);
  });

  test("is forgotten when whoever read it has seen it empty", () => {
    const endpoint = probed("a");
    const model = modelOf([endpoint]);
    expect(model.isForgotten()).toBe(false);
    idsOf(model, MINUTE_MS);
    model.remove(endpoint);
    expect(model.isForgotten()).toBe(false);
    idsOf(model, MINUTE_MS);
    expect(model.isForgotten()).toBe(true);
  });

  test("hashes what its endpoints hold, its own id and the time", () => {
    const hash = (model: SharedModel, nowMs: number) => hexOf(model.stateHash(nowMs, tools));
    const model = modelOf([probed("b"), probed("a")]);
    const first = hash(model, 0);
    expect(hash(model, 0)).toBe(first);
    expect(hash(modelOf([probed("a"), probed("b")]), 0)).toBe(first);
    expect(hash(model, 1)).not.toBe(first);
    expect(hash(modelOf([probed("a"), probed("b")], "n"), 0)).not.toBe(first);
    expect(hash(modelOf([probed("a")]), 0)).not.toBe(first);
  });

  test("hashes nothing of endpoints that hold nothing", () => {
    const nowMs = 31 * MINUTE_MS;
    const left = hexOf(modelOf([probed("a")]).stateHash(nowMs, tools));
    expect(left).toBe(hexOf(modelOf([]).stateHash(nowMs, tools)));
  });
});
