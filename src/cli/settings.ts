import { dirname, resolve } from "node:path";
import { decodeCatalog, unreadableCatalog } from "../catalog/decode-catalog.ts";
import type { MergedCatalog, MergeResult } from "../catalog/merge-catalog.ts";
import { accountKey, connectionsOf } from "../catalog/provider-connection.ts";
import { checkNames, type KnownNames } from "../config/check-config.ts";
import type { Config } from "../config/config.ts";
import { type ConfigRest, type ParsedConfig, parseConfig } from "../config/parse-config.ts";
import { baseUrl } from "../decode/fields.ts";
import type { Problem } from "../decode/problems.ts";
import { locateFleetFiles, unreadableFleetFiles } from "./fleet-files.ts";
import { loadCatalog, readCatalogFile } from "./load-catalog.ts";
import { readProblem } from "./read-problem.ts";
import { type ListenersTls, readTls } from "./read-tls.ts";

/** Everything the operator decided, checked as a whole. */
export type Settings = {
  readonly config: Config;
  readonly catalog: MergedCatalog;
  readonly tls: ListenersTls;
  /** What the operator should know and what keeps nothing from running. */
  readonly warnings: readonly Problem[];
  /** Files a change of which asks for a reload. */
  readonly files: readonly string[];
};

export type LoadedSettings =
  | { readonly ok: true; readonly settings: Settings }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      readonly warnings: readonly Problem[];
      /** As far as they are known. */
      readonly files: readonly string[];
    };

export type SettingsPorts = {
  readonly readFile: (path: string) => Promise<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds, dates facts of files that give no date. */
  readonly nowMs: () => number;
};

/**
 * Reads the configuration, every catalogue file it names and the files of TLS; all problems of all of
 * them at once, and none that only follows from another.
 */
export async function loadSettings(
  configFile: string | undefined,
  ports: SettingsPorts,
): Promise<LoadedSettings> {
  const read = await readConfig(configFile, ports);
  const configFiles = configFile === undefined ? [] : [configFile];
  const known = read.ok ? wholeConfig(read.config) : read.rest;
  const own = read.ok ? [] : read.problems;
  if (known === undefined) {
    return { ok: false, problems: own, warnings: [], files: configFiles };
  }
  const { isBroken } = known;
  const locate = (path: string) => besideConfig(path, configFile);
  const config = locateFleetFiles(known.config, locate);
  const { tls, warnings, ...tlsRead } = await readTls(known.tls, {
    ...ports,
    locate,
    isBroken,
  });
  const catalogFiles = config.catalog.files
    .filter((_, index) => !isBroken(`catalog.files[${index}]`))
    .map(locate);
  const { catalog, problems } = await readCatalog(known, { configFile, catalogFiles, ports });
  const files = [...configFiles, ...catalogFiles];
  const unreadable = await unreadableFleetFiles(config, ports.readFile);
  const all = [
    ...own,
    ...tlsRead.problems,
    ...unreadable.filter(({ path }) => !isBroken(path)),
    ...problems,
  ];
  return catalog === undefined || all.length > 0
    ? { ok: false, problems: all, warnings, files }
    : { ok: true, settings: { config, catalog, tls, warnings, files } };
}

function wholeConfig(config: Config): ConfigRest {
  const { grpc, http } = config.listen;
  const tls = { grpc: grpc.tls, http: http.tls };
  return { config, isBroken: () => false, isPartial: () => false, tls };
}

type CatalogInput = {
  readonly configFile: string | undefined;
  readonly catalogFiles: readonly string[];
  readonly ports: SettingsPorts;
};

/** The catalogue, and everything wrong with it or with what refers to it. */
async function readCatalog(
  { config, isBroken, isPartial }: ConfigRest,
  { configFile, catalogFiles, ports }: CatalogInput,
): Promise<{
  readonly catalog: MergedCatalog | undefined;
  readonly problems: readonly Problem[];
}> {
  const date = new Date(ports.nowMs()).toISOString().slice(0, 10);
  const origin = { source: configFile ?? "command line", date };
  const decoded = await Promise.all([
    ...catalogFiles.map((path) => readCatalogFile(ports.readFile, path, date)),
    decodeCatalog(config.catalog.inline, origin, "catalog."),
    // A catalogue key with a problem may have named entries that nobody knows now.
    ...(isPartial("catalog") ? [unreadableCatalog([], origin, "")] : []),
  ]);
  const sources = decoded.map(({ source }) => source);
  const merged = await loadCatalog(ports.readFile, sources);
  const problems = [
    ...decoded.flatMap((result) => (result.ok ? [] : result.problems)),
    ...(merged.ok ? [] : merged.problems),
    ...checkNames(config, namesIn(merged)),
    ...checkAddresses(merged.catalog, ports.env),
  ].filter(({ path }) => !isBroken(path));
  return { catalog: merged.ok ? merged.catalog : undefined, problems };
}

/** Paths in a configuration file are relative to it, wherever the router was started. */
export function besideConfig(path: string, configFile: string | undefined): string {
  return configFile === undefined || configFile === "-" ? path : resolve(dirname(configFile), path);
}

function namesIn(merged: MergeResult): KnownNames {
  const { providers } = merged.catalog;
  const unclear = merged.ok ? new Set<string>() : merged.gaps.broken.providers;
  return {
    providers: new Set([...providers.keys(), ...unclear]),
    unclear,
    complete: merged.ok || merged.gaps.complete,
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

/** The configuration alone, without the files that it names; all defaults where there is none. */
export async function readConfig(
  configFile: string | undefined,
  { readFile, env }: Pick<SettingsPorts, "readFile" | "env">,
): Promise<ParsedConfig> {
  if (configFile === undefined) {
    return parseConfig("", env);
  }
  try {
    const bytes = await readFile(configFile);
    return parseConfig(new TextDecoder("utf-8", { fatal: true }).decode(bytes), env);
  } catch (error) {
    return { ok: false, problems: [{ path: configFile, message: readProblem(configFile, error) }] };
  }
}
