import { formatPath, type Problem, problemsOf } from "../decode/problems.ts";
import { parseYaml } from "../decode/yaml-text.ts";
import type { Provenance } from "../domain/endpoint.ts";
import { fileSchemas, type Kind } from "./catalog-schema.ts";

/** One checked file. Entries are still as written, because what they lack may stand in another file. */
export type CatalogSource = {
  /** Holds for every fact that names no source or date of its own. */
  readonly origin: Provenance;
} & Readonly<Record<Kind, ReadonlyMap<string, WrittenEntry>>>;

export type WrittenEntry = Readonly<Record<string, unknown>>;

export type DecodedCatalog =
  | { readonly ok: true; readonly source: CatalogSource }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Longer ones do not fit where ids go: span attributes, headers, bus subjects. */
const MAX_ID_LENGTH = 200;

const idRules: Readonly<Record<Kind, { readonly pattern: RegExp; readonly wanted: string }>> = {
  providers: { pattern: /^[a-z0-9][a-z0-9-]*$/, wanted: "a lower-case slug like deepinfra" },
  models: { pattern: /^[\w.-]+\/[\w.:-]+$/, wanted: "an id like openai/gpt-4o-mini" },
  endpoints: {
    pattern: /^[A-Za-z0-9][\w.:/-]*$/,
    wanted: "an id like azure/eastus/gpt-4o-mini",
  },
};

/** A catalogue file's text, or every problem with it. Never throws. */
export function decodeCatalogText(text: string, origin: Provenance): DecodedCatalog {
  const parsed = parseYaml(text);
  return parsed.ok ? decodeCatalog(parsed.value, origin) : parsed;
}

/** A catalogue file's value, or every problem with it. Nothing at all is an empty catalogue. */
export function decodeCatalog(value: unknown, origin: Provenance): DecodedCatalog {
  const file = value ?? {};
  if (!isMapping(file)) {
    return { ok: false, problems: [{ path: "", message: "must be a mapping" }] };
  }
  const providers = decodeKind(file, "providers");
  const models = decodeKind(file, "models");
  const endpoints = decodeKind(file, "endpoints");
  const problems = [
    ...Object.keys(file)
      .filter((key) => !Object.hasOwn(idRules, key))
      .map((key) => ({ path: formatPath([key]), message: "is not a known key" })),
    ...providers.problems,
    ...models.problems,
    ...endpoints.problems,
  ];
  return problems.length > 0
    ? { ok: false, problems }
    : {
        ok: true,
        source: {
          origin,
          providers: providers.entries,
          models: models.entries,
          endpoints: endpoints.entries,
        },
      };
}

function decodeKind(file: WrittenEntry, kind: Kind) {
  const entries = new Map<string, WrittenEntry>();
  const problems: Problem[] = [];
  const written = file[kind] ?? {};
  if (!isMapping(written)) {
    problems.push({ path: kind, message: "must be a mapping of ids to entries" });
    return { entries, problems };
  }
  for (const [id, entry] of Object.entries(written)) {
    problems.push(...problemsOfId(kind, id));
    const checked = fileSchemas[kind].safeParse(entry);
    if (checked.success && isMapping(entry)) {
      entries.set(id, entry);
    }
    problems.push(...problemsOf(checked.error?.issues ?? [], { at: [kind, id] }));
  }
  return { entries, problems };
}

function problemsOfId(kind: Kind, id: string): readonly Problem[] {
  const { pattern, wanted } = idRules[kind];
  return pattern.test(id) && id.length <= MAX_ID_LENGTH
    ? []
    : [
        {
          path: formatPath([kind, id]),
          message: `must be ${wanted}, at most ${MAX_ID_LENGTH} characters`,
        },
      ];
}

function isMapping(value: unknown): value is WrittenEntry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
