import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../src/cli/cli-world.ts";
import { createProgram, runAtlas } from "../../../src/cli/program.ts";
import { createMemoryWorld, type MemoryWorldOptions } from "./memory-world.ts";

async function run(argv: readonly string[], options: MemoryWorldOptions = {}) {
  const world = createMemoryWorld(options);
  await runAtlas(world, argv);
  return { world, out: world.out(), err: world.err(), exitCode: world.exitCode() };
}

describe("runAtlas()", () => {
  it("prints its version", async () => {
    expect(await run(["--version"])).toMatchObject({ out: "1.2.3\n", err: "", exitCode: 0 });
  });

  it.each([["--help"], ["help"], ["route", "--help"], ["help", "route"]])(
    "prints help for %s %s",
    async (...argv) => {
      const { out, err, exitCode } = await run(argv);
      expect(out).toContain("Usage: atlas");
      expect(out).toContain("Examples:");
      expect(out).toContain("--server <address>");
      expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
    },
  );

  it("names every exit code in its help", async () => {
    const { out } = await run(["--help"]);
    const named = [...out.matchAll(/^ {2}(\d+) {2,}\w/gm)].map(([, code]) => Number(code));
    expect(named).toEqual(Object.values(exitCodes));
  });

  it("keeps the lines of its help short on a wide terminal", async () => {
    const { out } = await run(["complete", "--help"], { isTerminal: true, columns: 300 });
    expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  it("prints help and fails when no command is given", async () => {
    const { err, exitCode } = await run([]);
    expect(err).toContain("Usage: atlas");
    expect(exitCode).toBe(2);
  });

  it.each([
    { argv: ["frobnicate"], message: "unknown command 'frobnicate'", help: "atlas --help" },
    { argv: ["rout"], message: "Did you mean route?", help: "atlas --help" },
    { argv: ["route"], message: "missing required argument 'model'", help: "atlas route --help" },
    {
      argv: ["route", "a/b", "--max-cost", "cheap"],
      message: "Not an amount of US dollars such as 0.15.",
      help: "atlas route --help",
    },
    {
      argv: ["complete", "a/b", "x", "y"],
      message: "too many arguments",
      help: "atlas complete --help",
    },
    {
      argv: ["complete", "a/b", "Hi", "--deadline", "61m"],
      message: "Longer than 1h, the most that a router keeps.",
      help: "atlas complete --help",
    },
    {
      argv: ["route", "a/b", "--tier", "cheap"],
      message: "Not one of realtime, standard.\n",
      help: "atlas route --help",
    },
    {
      argv: ["route", "a/b", "--tier", "batch"],
      message: "Batches are jobs of their own; a single call takes realtime or standard.",
      help: "atlas route --help",
    },
    {
      argv: ["route", "a/b", "--hedge", "--no-hedge"],
      message: "--hedge and --no-hedge contradict each other",
      help: "atlas route --help",
    },
    {
      argv: ["route", "a/b", "--no-hedge", "--hedge"],
      message: "--hedge and --no-hedge contradict each other",
      help: "atlas route --help",
    },
    {
      argv: ["route", "a/b", "--fallback-model", "c/d", "--no-fallbacks"],
      message: "--no-fallbacks and --fallback-model contradict each other",
      help: "atlas route --help",
    },
    {
      argv: ["serve", "--role", "leader"],
      message: "Allowed choices are all, router, scorer, batch.",
      help: "atlas serve --help",
    },
    {
      argv: ["health", "publish", "a/b"],
      message: "required option '--state <state>' not specified",
      help: "atlas health publish --help",
    },
    {
      argv: ["health", "publish", "a/b", "--state", "gone"],
      message: "Not one of up, degraded, down, draining.",
      help: "atlas health publish --help",
    },
    {
      argv: ["health", "tial"],
      message: "Did you mean tail?",
      help: "atlas health --help",
    },
    {
      argv: ["serve", "--log-level", "loud"],
      message: "Allowed choices are debug, info, warn, error.",
      help: "atlas serve --help",
    },
  ])("says what is wrong with $argv", async ({ argv, message, help }) => {
    const { out, err, exitCode } = await run(argv);
    expect(err).toMatch(/^error: /);
    expect(err).toContain(message);
    expect(err).toContain(`\`${help}\``);
    expect({ out, exitCode }).toEqual({ out: "", exitCode: 2 });
  });

  it("says what is wrong as JSON with --json, wherever it stands", async () => {
    const { err, exitCode } = await run(["--json", "route"]);
    expect(JSON.parse(err)).toEqual({
      error: { code: "USAGE", message: "missing required argument 'model'" },
    });
    expect(exitCode).toBe(2);
  });

  it.each([
    { argv: ["--tls-cert", "c.pem"], message: "--tls-cert and --tls-key need each other" },
    { argv: ["--tls-ca", "gone.pem"], message: "cannot read gone.pem" },
    { argv: ["--server", "a/b"], message: "--server a/b is no host:port" },
  ])("refuses a connection by $argv", async ({ argv, message }) => {
    const { err, exitCode } = await run(["models", ...argv]);
    expect(err).toContain(message);
    expect(exitCode).toBe(2);
  });

  it("hands over what the options of serve and simulate say", async () => {
    const { world } = await run(["serve", "--config", "a.yaml", "--grpc-port", "0"]);
    expect(world.served).toEqual([
      {
        configFile: "a.yaml",
        grpcPort: 0,
        httpPort: undefined,
        logLevel: undefined,
        role: undefined,
        nats: undefined,
      },
    ]);
    const { world: fleet } = await run([
      "serve",
      "--role",
      "scorer",
      "--nats",
      "a,b",
      "--nats",
      "c",
    ]);
    expect(fleet.served).toMatchObject([{ role: "scorer", nats: ["a", "b", "c"] }]);
    const { world: other } = await run([
      ...["simulate", "--seed", "7", "--time-scale", "0.5", "--control-port", "9000"],
      ...["--model", "a/b,c/d", "--model", "e/f"],
    ]);
    expect(other.simulated).toEqual([
      { seed: 7, controlPort: 9000, timeScale: 0.5, models: ["a/b", "c/d", "e/f"] },
    ]);
  });

  it("never shows a stack trace", async () => {
    const world = createMemoryWorld();
    const failing = {
      ...world,
      serve: () => Promise.reject(new TypeError("x is not a function")),
    };
    await runAtlas(failing, ["serve"]);
    expect(world.err()).toBe("error: internal: x is not a function\n");
    expect(world.exitCode()).toBe(1);
  });
});

const page = readFileSync(new URL("../../../docs/commands.md", import.meta.url), "utf8");

/** What the page says: a section for each command, a row for each option. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const sections = new Map(
    page
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.split("\n")[0] ?? "", section] as const),
  );
  const shared = rowsOf(sections.get("Options of a call") ?? "");
  return new Map(
    [...sections]
      .filter(([title]) => title.startsWith("`atlas"))
      .map(([title, section]) => {
        const others = section.includes("(#options-of-a-call)") ? shared : [];
        return [title.replaceAll("`", ""), [...rowsOf(section), ...others].sort()];
      }),
  );
}

function rowsOf(section: string): readonly string[] {
  return [...section.matchAll(/^\| `(--[^`]+)` \|/gm)].map(([, flags]) => flags ?? "");
}

function optionsOf({ options }: Command): readonly string[] {
  return options.map(({ flags }) => flags).sort();
}

/** Commands that do something themselves, with the names before them. */
function leavesOf(
  command: Command,
  before: string,
): readonly (readonly [string, readonly string[]])[] {
  const name = `${before} ${command.name()}`;
  return command.commands.length === 0
    ? [[name, optionsOf(command)]]
    : command.commands.flatMap((each) => leavesOf(each, name));
}

describe("docs/commands.md", () => {
  const program = createProgram(createMemoryWorld());
  const built = new Map([
    ["atlas", [...optionsOf(program), "--help"].sort()] as const,
    ...program.commands.flatMap((command) => leavesOf(command, "atlas")),
  ]);

  it("has a section for every command and for nothing else", () => {
    expect([...documented().keys()].sort()).toEqual([...built.keys()].sort());
  });

  it.each([...built])("has a row for every option of %s and for nothing else", (name, options) => {
    expect(documented().get(name)).toEqual(options);
  });

  it("names every exit code", () => {
    const named = [...page.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(named).toEqual(Object.values(exitCodes));
  });
});
