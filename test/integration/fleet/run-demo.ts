import { type ExecFileException, execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env } from "node:process";
import { promisify } from "node:util";

const TIMEOUT_MS = 110_000;

/**
 * What it prints; rejects, with the end of that, when the demo ends with anything but 0. The files that it leaves
 * for people are deleted.
 */
export async function runDemo(name: string, ...words: readonly string[]): Promise<string> {
  const path = new URL(`../../../docs/demo/${name}.ts`, import.meta.url).pathname;
  const folder = mkdtempSync(join(tmpdir(), "atlas-run-demo-"));
  try {
    const options = { timeout: TIMEOUT_MS, env: { ...env, TMPDIR: folder } };
    const { stdout } = await promisify(execFile)(process.execPath, [path, ...words], options);
    return stdout;
  } catch (error) {
    const { stdout = "" } = error as ExecFileException;
    throw new Error(`the demo ${name} failed: ${stdout.slice(-1_000)}`, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
