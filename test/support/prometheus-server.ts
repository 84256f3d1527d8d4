import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onTestFinished, vi } from "vitest";
import { freePort } from "./free-port.ts";

export type PrometheusServer = {
  /** Value of the only series of an expression; `undefined` when there are none or more. */
  query(expression: string): Promise<number | undefined>;
  /** The `data` of an endpoint of its API. */
  api(path: string): Promise<unknown>;
};

export type PrometheusOptions = {
  /** The program. */
  readonly path: string;
  /** Port of 127.0.0.1 that has `/metrics`. */
  readonly target: number;
  readonly ruleFiles?: readonly string[];
};

type Result = { readonly result: readonly { readonly value: readonly [number, string] }[] };

/** On a port of its own, scraping five times a second; ended when the test has finished. */
export async function usePrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), "atlas-prometheus-"));
  const configFile = join(folder, "prometheus.yaml");
  const port = await freePort();
  writeFileSync(configFile, JSON.stringify(configOf(options)));
  const child = spawn(
    options.path,
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--enable-feature=exemplar-storage",
      "--log.level=error",
    ],
    { stdio: "ignore" },
  );
  const killNow = () => child.kill("SIGKILL");
  process.once("exit", killNow);
  onTestFinished(async () => {
    const exited = child.exitCode === null ? once(child, "exit") : undefined;
    killNow();
    await exited;
    process.off("exit", killNow);
    rmSync(folder, { recursive: true, force: true });
  });

  async function api(path: string): Promise<unknown> {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`);
    const { data } = (await response.json()) as { readonly data: unknown };
    return data;
  }

  await eventually(() => fetch(`http://127.0.0.1:${port}/-/ready`).then(({ ok }) => ok));
  return {
    api,
    async query(expression) {
      const data = await api(`query?query=${encodeURIComponent(expression)}`);
      const { result } = data as Result;
      return result.length === 1 ? Number(result[0]?.value[1]) : undefined;
    },
  };
}

function configOf({ target, ruleFiles = [] }: PrometheusOptions) {
  return {
    global: { scrape_interval: "200ms", scrape_timeout: "200ms", evaluation_interval: "200ms" },
    rule_files: ruleFiles.map((file) => resolve(file)),
    scrape_configs: [
      { job_name: "atlas-router", static_configs: [{ targets: [`127.0.0.1:${target}`] }] },
    ],
  };
}

/** Asks again until it is true; a question that fails is answered no. */
export async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
  await vi.waitUntil(() => isTrue().catch(() => false), { timeout: 20_000, interval: 50 });
}
