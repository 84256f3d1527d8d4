/** Gets each client what it needs from the package registries. Nothing is installed for the machine. */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Command, type CommandLimits, type Finished, runCommand } from "./command.ts";

/** The client cannot run on this machine, which is not the client's fault. */
export class SkippedError extends Error {
  override readonly name = "SkippedError";
  /** The machine has the language; then CI takes a skip for a failure. */
  readonly hasToolchain: boolean;

  constructor(reason: string, hasToolchain: boolean) {
    super(reason);
    this.hasToolchain = hasToolchain;
  }
}

export type Client = {
  readonly name: string;
  /** How many checks it tells the result of. */
  readonly checks: number;
  /** Rejects with a `SkippedError`, or with what went wrong. */
  prepare(stop: AbortSignal): Promise<Command>;
};

const root = join(import.meta.dirname, "../..");
const cache = join(root, "node_modules/.cache/atlas-clients");
/** Where the repository's own buf is found first. */
const PATH = `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;

/** A cold cache on a busy machine of two cores: compiling gRPC for Go is the longest step. */
const PREPARE_TIMEOUT_MS = 15 * 60_000;

const folderOf = (name: string) => join(import.meta.dirname, name);

export const clients: readonly Client[] = [
  {
    name: "typescript",
    // Over gRPC and over Connect.
    checks: 12,
    prepare: async () => ({
      file: process.execPath,
      args: ["client.ts"],
      cwd: folderOf("typescript"),
    }),
  },
  { name: "python", checks: 6, prepare: preparePython },
  { name: "go", checks: 6, prepare: prepareGo },
  {
    name: "buf curl",
    // Over gRPC, Connect and gRPC-Web.
    checks: 18,
    prepare: async () => ({
      file: "bash",
      args: ["buf-curl.sh"],
      cwd: import.meta.dirname,
      env: { PATH },
    }),
  },
];

async function preparePython(stop: AbortSignal): Promise<Command> {
  const cwd = folderOf("python");
  const limits = { timeoutMs: PREPARE_TIMEOUT_MS, stop };
  const python = (file: string, ...args: readonly string[]) => run({ file, args, cwd }, limits);
  const version = await versionOf({ file: "python3", args: ["--version"], cwd }, limits);
  assertVersion("python3", version, [3, 10]);

  const requirements = readFileSync(join(cwd, "requirements.txt"));
  const key = createHash("sha256").update(requirements).update(version.join(".")).digest("hex");
  const venv = join(cache, `python-${key.slice(0, 16)}`);
  const executable = join(venv, "bin/python");
  const marker = join(venv, "complete");
  if (!existsSync(marker)) {
    await python("python3", "-m", "venv", "--clear", venv);
    const quick = ["--quiet", "--disable-pip-version-check", "--retries", "1"];
    await python(executable, "-m", "pip", "install", ...quick, "-r", "requirements.txt");
    writeFileSync(marker, "");
  }
  await python(executable, "generate.py");
  return { file: executable, args: ["client.py"], cwd };
}

async function prepareGo(stop: AbortSignal): Promise<Command> {
  const cwd = folderOf("go");
  const limits = { timeoutMs: PREPARE_TIMEOUT_MS, stop };
  // A toolchain that Go fetches by itself is not the one the machine has.
  const env = { PATH, GOTOOLCHAIN: "local" };
  // Elsewhere, because an older Go does not answer beside a go.mod that asks for a later one.
  const version = await versionOf({ file: "go", args: ["version"], cwd: root, env }, limits);
  const [, major, minor] =
    /^go (\d+)\.(\d+)/m.exec(readFileSync(join(cwd, "go.mod"), "utf8")) ?? [];
  assertVersion("go", version, [Number(major), Number(minor)]);

  mkdirSync(cache, { recursive: true });
  const executable = join(cache, "go-client");
  await run({ file: "buf", args: ["generate"], cwd, env }, limits);
  const args = ["build", "-buildvcs=false", "-o", executable, "."];
  await run({ file: "go", args, cwd, env }, limits);
  return { file: executable, args: [], cwd };
}

/** Major and minor version. */
async function versionOf(command: Command, limits: CommandLimits): Promise<readonly number[]> {
  const { output } = await run(command, limits).catch((error: NodeJS.ErrnoException) => {
    throw error.code === "ENOENT"
      ? new SkippedError(`no ${command.file} on the PATH`, false)
      : error;
  });
  return (/(\d+)\.(\d+)/.exec(output) ?? []).slice(1).map(Number);
}

function assertVersion(
  file: string,
  [major = 0, minor = 0]: readonly number[],
  [leastMajor, leastMinor]: readonly [number, number],
): void {
  if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
    const least = `${leastMajor}.${leastMinor}`;
    throw new SkippedError(`${file} is ${major}.${minor} and has to be ${least} or later`, true);
  }
}

async function run(command: Command, limits: CommandLimits): Promise<Finished> {
  const finished = await runCommand(command, limits);
  if (finished.exitCode === 0) {
    return finished;
  }
  const { output } = finished;
  if (/No module named venv|ensurepip is not available/.test(output)) {
    throw new SkippedError(`${command.file} cannot make a virtual environment`, true);
  }
  if (unreachable.test(output)) {
    throw new SkippedError("the package registry cannot be reached", true);
  }
  throw new Error(`${[command.file, ...command.args].join(" ")} failed:\n${output.trimEnd()}`);
}

/** How pip and go say that the network let them down. */
const unreachable =
  /NewConnectionError|ConnectTimeoutError|ReadTimeoutError|ProxyError|dial tcp|no such host|i\/o timeout|TLS handshake timeout|connection refused|connection reset/;
