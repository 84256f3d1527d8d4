import { describe, expect, test } from "vitest";
import { preferSession } from "../../../src/plan/affinity.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { hashOf } from "../../../src/plan/random.ts";
import { contender, forecast } from "./plan-fixture.ts";

function hashed(id: string, changes: Partial<Contender> = {}): Contender {
  return contender(id, { forecast: forecast(id, { hash: hashOf(id) }), ...changes });
}

/** Whose weight was raised. */
function preferred(contenders: readonly Contender[], session: string): readonly string[] {
  preferSession(contenders, 0, session);
  return contenders
    .filter(({ weight, affinity }) => weight === 2 && affinity === 2)
    .map(({ forecast: { endpoint } }) => endpoint.id);
}

const ids = ["a", "b", "c", "d"];
const sessions = Array.from({ length: 400 }, (_, index) => `session-${index}`);
const home = (session: string, among = ids) =>
  preferred(
    among.map((id) => hashed(id)),
    session,
  )[0];

describe("preferSession()", () => {
  test("does nothing without a key", () => {
    expect(preferred([hashed("a")], "")).toEqual([]);
  });

  test("doubles one endpoint, the same at every call of the session", () => {
    expect(
      preferred(
        ids.map((id) => hashed(id)),
        "s",
      ),
    ).toHaveLength(1);
    expect(home("s")).toBe(home("s", ids.toReversed()));
  });

  test("spreads sessions evenly", () => {
    const counts = ids.map((id) => sessions.filter((session) => home(session) === id).length);
    expect(Math.min(...counts)).toBeGreaterThan(70);
  });

  test("moves only the sessions of an endpoint that goes away", () => {
    const rest = ["a", "b", "c"];
    const moved = sessions.filter((session) => home(session) !== home(session, rest));
    expect(moved).toEqual(sessions.filter((session) => home(session) === "d"));
  });

  test("stays among near-ties of the first group", () => {
    const dear = () => hashed("dear", { ratio: 1.11 });
    const later = () => hashed("later", { group: 1 });
    const homes = sessions.map((session) => preferred([hashed("a"), dear(), later()], session));
    expect(new Set(homes.flat())).toEqual(new Set(["a"]));
  });

  test("gives up an endpoint whose first token comes 5 s after the fastest one's", () => {
    const slow = (firstTokenP50Ms: number) => {
      const base = forecast("slow", { hash: hashOf("slow") });
      return contender("slow", {
        forecast: { ...base, prediction: { ...base.prediction, firstTokenP50Ms } },
      });
    };
    const homes = (ms: number) =>
      new Set(sessions.flatMap((session) => preferred([hashed("a"), slow(ms)], session)));
    expect(homes(5_500)).toEqual(new Set(["a", "slow"]));
    expect(homes(5_501)).toEqual(new Set(["a"]));
  });

  test("prefers nobody when no endpoint nearly ties", () => {
    expect(preferred([hashed("a", { ratio: 2 })], "s")).toEqual([]);
  });
});
