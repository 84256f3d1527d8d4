import { dirname, resolve } from "node:path";
import { type CatalogSource, decodeCatalog } from "../catalog/decode-catalog.ts";
import type { MergedCatalog } from "../catalog/merge-catalog.ts";
import { accountKey, connectionsOf } from "../catalog/provider-connection.ts";
import { checkNames, type KnownNames } from "../config/check-config.ts";
import type { Config } from "../config/config.ts";
import { parseConfig } from "../config/parse-config.ts";
import { baseUrl } from "../decode/fields.ts";
import type { Problem } from "../decode/problems.ts";
import { loadCatalog, readCatalogFile } from "./load-catalog.ts";

/** Everything the operator decided, checked as a whole. */
export type Settings = {
  readonly config: Config;
  readonly catalog: MergedCatalog;
  /** Files a change of which asks for a reload. */
  readonly files: readonly string[];
};

export type LoadedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** As far as they are known. */
      readonly files: readonly string[];
    };

export type SettingsPorts = {
  readonly readFile: (path: string) => Promise<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds, dates facts of files that give no date. */
  readonly nowMs: () => number;
};

/** Reads the configuration and every catalogue file it names; all problems of all of them at once. */
export async function loadSettings(
  configFile: string | undefined,
  ports: SettingsPorts,
): Promise<LoadedSettings> {
  const read = await readConfig(configFile, ports);
  const configFiles = configFile === undefined ? [] : [configFile];
  if (!read.ok) {
    return { ...read, files: configFiles };
  }
  const { config } = read;
  const date = new Date(ports.nowMs()).toISOString().slice(0, 10);
  const origin = { source: configFile ?? "command line", date };
  const catalogFiles = config.catalog.files.map((path) => besideConfig(path, configFile));
  const decoded = await Promise.all([
    ...catalogFiles.map((path) => readCatalogFile(ports.readFile, path, date)),
    decodeCatalog(config.catalog.inline, origin),
  ]);
  const problems = decoded.flatMap((result) => (result.ok ? [] : result.problems));
  const sources = decoded.flatMap((result): CatalogSource[] => (result.ok ? [result.source] : []));
  const loaded = await loadCatalog(ports.readFile, sources);
  const files = [...configFiles, ...catalogFiles];
  const all = [
    ...problems,
    ...(loaded.ok
      ? [
          ...checkNames(config, namesIn(loaded.catalog)),
          ...checkAddresses(loaded.catalog, ports.env),
        ]
      : loaded.problems),
  ];
  if (!loaded.ok || all.length > 0) {
    return { ok: false, problems: all, files };
  }
  return { ok: true, settings: { config, catalog: loaded.catalog, files } };
}

/** Paths in a configuration file are relative to it, wherever the router was started. */
function besideConfig(path: string, configFile: string | undefined): string {
  return configFile === undefined || configFile === "-" ? path : resolve(dirname(configFile), path);
}

function namesIn({ providers }: MergedCatalog): KnownNames {
  return {
    providers: new Set(providers.keys()),
    accounts: new Set(
      [...providers].flatMap(([id, { accounts }]) =>
        Object.keys(accounts).map((account) => accountKey(id, account)),
      ),
    ),
  };
}

/** Addresses in the environment are held to what the configuration says of its own. */
function checkAddresses(
  { providers }: MergedCatalog,
  env: SettingsPorts["env"],
): readonly Problem[] {
  const names = [...connectionsOf(providers).values()].map(({ baseUrlEnv }) => baseUrlEnv);
  return [...new Set(names)].flatMap((name) => {
    const address = name === undefined ? undefined : env[name];
    const issues = address ? (baseUrl.safeParse(address).error?.issues ?? []) : [];
    return issues.map(({ message }) => ({ path: `environment variable ${name}`, message }));
  });
}

async function readConfig(
  configFile: string | undefined,
  { readFile, env }: SettingsPorts,
): Promise<
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] }
> {
  if (configFile === undefined) {
    return parseConfig("", env);
  }
  try {
    const bytes = await readFile(configFile);
    return parseConfig(new TextDecoder("utf-8", { fatal: true }).decode(bytes), env);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ path: configFile, message: `cannot be read: ${reason}` }] };
  }
}
