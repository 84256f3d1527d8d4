import { type ExecFileException, execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, stderr } from "node:process";
import { promisify } from "node:util";

export type CollectorBinary =
  | { readonly kind: "found"; readonly path: string }
  | { readonly kind: "missing"; readonly reason: string };

/** Our own small module: the parts of the collector that the tests ask something of. */
const MODULE = join(import.meta.dirname, "collector");

/** With every module to fetch it takes three minutes on two cores that others use as well. */
export const BUILD_TIMEOUT_MS = 540_000;

const run = promisify(execFile);

let search: Promise<CollectorBinary> | undefined;

/**
 * An OpenTelemetry Collector, built once with Go and kept beside the packages.
 *
 * It is built only where `$ATLAS_TEST_COLLECTOR` is `build`, because that takes minutes; anything else
 * takes what an earlier build left. What is not tested, and why, is said on standard error. Rejects when
 * it was to be built, Go is there, and `$CI` is `true`: then nobody reads that line.
 */
export function findCollector(): Promise<CollectorBinary> {
  search ??= find().then((binary) => {
    if (binary.kind === "missing") {
      stderr.write(`[collector] NOT TESTED with an OpenTelemetry Collector: ${binary.reason}\n`);
    }
    return binary;
  });
  return search;
}

async function find(): Promise<CollectorBinary> {
  const path = join(cacheFolder(), digestOfModule(), "collector");
  if (existsSync(path)) {
    return { kind: "found", path };
  }
  const { ATLAS_TEST_COLLECTOR: wish, CI: ci } = env;
  if (wish !== "build") {
    return { kind: "missing", reason: "not built yet; npm run test:collector builds it" };
  }
  const go = await findGo();
  if (go === undefined) {
    return { kind: "missing", reason: "Go is not installed" };
  }
  try {
    await build(go, path);
    return { kind: "found", path };
  } catch (error) {
    if (ci === "true") {
      throw error;
    }
    return { kind: "missing", reason: (error as Error).message };
  }
}

async function findGo(): Promise<string | undefined> {
  // Where Go's own archive is unpacked, which few paths name.
  for (const go of ["go", "/usr/local/go/bin/go"]) {
    try {
      await run(go, ["version"]);
      return go;
    } catch {
      // Looked for at the next place.
    }
  }
  return undefined;
}

async function build(go: string, path: string): Promise<void> {
  const startedAtMs = performance.now();
  const tell = (text: string) => stderr.write(`[collector] ${text}\n`);
  tell("is built from its modules, which takes minutes where Go has none of them");
  mkdirSync(cacheFolder(), { recursive: true });
  // Beside its later place: a rename does not cross disks.
  const folder = mkdtempSync(join(cacheFolder(), "build-"));
  try {
    const output = join(folder, "built", "collector");
    // Other tests may run beside it.
    const words = ["-n", "19", go, "build", "-ldflags", "-s -w", "-o", output, "."];
    await run("nice", words, {
      cwd: MODULE,
      timeout: BUILD_TIMEOUT_MS,
      env: {
        ...env,
        CGO_ENABLED: "0",
        GOFLAGS: "-p=2 -trimpath -buildvcs=false -mod=readonly",
        GOMAXPROCS: "2",
        GOWORK: "off",
      },
    });
    // Two processes may build at once: each puts a whole folder there.
    rmSync(join(path, ".."), { recursive: true, force: true });
    renameSync(join(folder, "built"), join(path, ".."));
  } catch (error) {
    throw new Error(`go build: ${reasonOf(error)}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  tell(`was built in ${((performance.now() - startedAtMs) / 1_000).toFixed(0)} s`);
}

/** A changed module is another collector. */
function digestOfModule(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(MODULE).sort()) {
    hash.update(name).update(readFileSync(join(MODULE, name)));
  }
  return hash.digest("hex").slice(0, 16);
}

function cacheFolder(): string {
  return existsSync("node_modules")
    ? join(process.cwd(), "node_modules", ".cache", "collector")
    : join(tmpdir(), "atlas-collector");
}

function reasonOf(error: unknown): string {
  const { killed, stderr: output, message } = error as ExecFileException;
  const lines = (output ?? message).trim().split("\n");
  const said = lines.filter((line) => !line.startsWith("go: downloading")).at(-1) ?? "";
  return killed === true ? `took longer than ${BUILD_TIMEOUT_MS / 1_000} s` : said.slice(0, 200);
}
