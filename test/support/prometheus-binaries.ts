import { type ExecFileException, execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getuid, stderr } from "node:process";
import { promisify } from "node:util";

/** Prometheus and its tool, as Debian packages them. */
export type PrometheusBinaries = { readonly prometheus: string; readonly promtool: string };

const FETCH_TIMEOUT_MS = 300_000;
const run = promisify(execFile);

let search: Promise<PrometheusBinaries | undefined> | undefined;

/**
 * Fetched once with apt-get, which needs no root, and kept beside the packages.
 *
 * Absent only where there is no apt-get; that is said on standard error. Rejects when apt-get is there
 * and fails.
 */
export function findPrometheus(): Promise<PrometheusBinaries | undefined> {
  search ??= find();
  return search;
}

async function find(): Promise<PrometheusBinaries | undefined> {
  const folder = join(cacheFolder(), "debian");
  if (!existsSync(join(folder, "usr/bin/promtool"))) {
    try {
      await run("apt-get", ["--version"]);
    } catch {
      stderr.write("[prometheus] NOT TESTED with Prometheus: apt-get is not installed\n");
      return undefined;
    }
    await fetchInto(folder);
  }
  return {
    prometheus: join(folder, "usr/bin/prometheus"),
    promtool: join(folder, "usr/bin/promtool"),
  };
}

async function fetchInto(folder: string): Promise<void> {
  mkdirSync(cacheFolder(), { recursive: true });
  // Beside its later place: a rename does not cross disks.
  const fetched = mkdtempSync(join(cacheFolder(), "fetch-"));
  const download = () => fetchWith("apt-get", ["download", "prometheus"], fetched);
  try {
    await download().catch(async (error) => {
      if (getuid?.() !== 0) {
        throw error;
      }
      // A fresh machine has no list of packages yet.
      await fetchWith("apt-get", ["update"], fetched);
      await download();
    });
    const [archive = ""] = globSync("*.deb", { cwd: fetched });
    await fetchWith("dpkg-deb", ["-x", archive, "files"], fetched);
    // Two processes may fetch at once: each puts a whole folder there.
    rmSync(folder, { recursive: true, force: true });
    renameSync(join(fetched, "files"), folder);
  } finally {
    rmSync(fetched, { recursive: true, force: true });
  }
}

async function fetchWith(command: string, args: readonly string[], cwd: string): Promise<void> {
  try {
    await run(command, args, { cwd, timeout: FETCH_TIMEOUT_MS });
  } catch (error) {
    const { stderr: said = "" } = error as ExecFileException;
    throw new Error(`${command} ${args.join(" ")}: ${said.trim().slice(-200)}`, { cause: error });
  }
}

function cacheFolder(): string {
  return existsSync("node_modules")
    ? join(process.cwd(), "node_modules", ".cache", "prometheus")
    : join(tmpdir(), "atlas-prometheus");
}
