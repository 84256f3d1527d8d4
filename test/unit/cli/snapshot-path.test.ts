import { describe, expect, it } from "vitest";
import { snapshotPathOf } from "../../../src/cli/snapshot-path.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";

function pathOf(text: string, env: Record<string, string | undefined> = { HOME: "/home/me" }) {
  const parsed = parseConfig(text, {});
  if (!parsed.ok) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return snapshotPathOf(parsed.config, env);
}

const onBus = (more: string) => `{ bus: { nats: { servers: [b, a]${more} } } }`;

describe("snapshotPathOf()", () => {
  it("is the file that the configuration names, with and without NATS", () => {
    const health = "health: { snapshotFile: /var/scores }";
    expect(pathOf(`{ ${health} }`)).toBe("/var/scores");
    expect(pathOf(`{ ${health}, bus: { nats: { servers: [a] } } }`)).toBe("/var/scores");
  });

  it("is none where none is wanted, or no bus could be away", () => {
    expect(pathOf("{ health: { keepScores: false, snapshotFile: /var/scores } }")).toBeUndefined();
    expect(
      pathOf("{ health: { keepScores: false }, bus: { nats: { servers: [a] } } }"),
    ).toBeUndefined();
    expect(pathOf("{}")).toBeUndefined();
  });

  it.each([
    [{ HOME: "/home/me" }, "/home/me/.local/state/atlas-router"],
    [{ HOME: "/home/me", XDG_STATE_HOME: "/state" }, "/state/atlas-router"],
    [{ HOME: "/home/me", XDG_STATE_HOME: "state" }, "/home/me/.local/state/atlas-router"],
    [{ HOME: "/home/me", STATE_DIRECTORY: "/var/lib/atlas:/var/lib/other" }, "/var/lib/atlas"],
    [{ XDG_STATE_HOME: "/state", STATE_DIRECTORY: "" }, "/state/atlas-router"],
  ])("lies in the folder for state that %o names", (env, folder) => {
    expect(pathOf(onBus(""), env)).toMatch(new RegExp(`^${folder}/scores-[0-9a-f]{12}\\.bin$`));
  });

  it("is none where the environment names no folder", () => {
    expect(pathOf(onBus(""), {})).toBeUndefined();
    expect(pathOf(onBus(""), { HOME: "", XDG_STATE_HOME: "" })).toBeUndefined();
  });

  it("is of one bus and one user of it, however its servers are listed", () => {
    const others = [", user: me, password: one", ", credentialsFile: one", ", nkeyFile: one"];
    const paths = ["", ...others].map((more) => pathOf(onBus(more)));
    expect(new Set(paths).size).toBe(4);
    expect(pathOf("{ bus: { nats: { servers: [a, b] } } }")).toBe(paths[0]);
    expect(pathOf("{ bus: { nats: { servers: [a] } } }")).not.toBe(paths[0]);
    // A secret is no part of it.
    expect(pathOf(onBus(", user: me, password: two"))).toBe(paths[1]);
  });
});
