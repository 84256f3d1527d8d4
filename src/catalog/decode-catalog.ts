import { knownKeysIn } from "../decode/known-keys.ts";
import {
  formatPath,
  type Problem,
  problemsOf,
  type Segment,
  unknownKey,
} from "../decode/problems.ts";
import { check } from "../decode/wording.ts";
import { parseYaml } from "../decode/yaml-text.ts";
import type { Provenance } from "../domain/endpoint.ts";
import { fileSchemas, type Kind } from "./catalog-schema.ts";

/** One file. Entries are still as written, because what they lack may stand in another file. */
export type CatalogSource = {
  /** Holds for every fact that names no source or date of its own. */
  readonly origin: Provenance;
  /** Stands before the path of every problem with an entry of this file: `models.yaml: `. */
  readonly at: string;
  /** Ids of entries that are there with a problem of their own, so that what they say is not known. */
  readonly broken: Readonly<Record<Kind, ReadonlySet<string>>>;
  /** False: a part of the file cannot be read at all, and nobody knows which entries it holds. */
  readonly complete: boolean;
} & Readonly<Record<Kind, ReadonlyMap<string, WrittenEntry>>>;

export type WrittenEntry = Readonly<Record<string, unknown>>;

export type DecodedCatalog =
  | { readonly ok: true; readonly source: CatalogSource }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** What can be read all the same, so that the other files can be judged beside it. */
      readonly source: CatalogSource;
    };

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

/**
 * A catalogue file's text, or every problem with it. `at` stands before the path of each. Never throws.
 */
export function decodeCatalogText(text: string, origin: Provenance, at = ""): DecodedCatalog {
  const parsed = parseYaml(text);
  return parsed.ok
    ? decodeCatalog(parsed.value, origin, at)
    : unreadableCatalog(parsed.problems, origin, at);
}

/** A catalogue file's value, or every problem with it. Nothing at all is an empty catalogue. */
export function decodeCatalog(value: unknown, origin: Provenance, at = ""): DecodedCatalog {
  const file = value ?? {};
  if (!isMapping(file)) {
    return unreadableCatalog([{ path: "", message: "must be a mapping" }], origin, at);
  }
  const decoded = {
    providers: decodeKind(file, "providers"),
    models: decodeKind(file, "models"),
    endpoints: decodeKind(file, "endpoints"),
  };
  const { providers, models, endpoints } = decoded;
  const kinds = Object.keys(decoded);
  const problems = [
    ...Object.keys(file)
      .filter((key) => !kinds.includes(key))
      .map((key) => unknownKey([key], kinds)),
    ...[providers, models, endpoints].flatMap((kind) => kind.problems),
  ];
  const source: CatalogSource = {
    origin,
    at,
    providers: providers.entries,
    models: models.entries,
    endpoints: endpoints.entries,
    broken: { providers: providers.broken, models: models.broken, endpoints: endpoints.broken },
    complete: [providers, models, endpoints].every((kind) => kind.complete),
  };
  return problems.length > 0
    ? { ok: false, problems: problems.map(below(at)), source }
    : { ok: true, source };
}

/** What is left of a file that cannot be read at all. */
export function unreadableCatalog(
  problems: readonly Problem[],
  origin: Provenance,
  at: string,
): DecodedCatalog {
  const none = { providers: new Map(), models: new Map(), endpoints: new Map() };
  const broken = {
    providers: new Set<string>(),
    models: new Set<string>(),
    endpoints: new Set<string>(),
  };
  const source = { origin, at, ...none, broken, complete: false };
  return { ok: false, problems: problems.map(below(at)), source };
}

function below(at: string): (problem: Problem) => Problem {
  return ({ path, message }) => ({
    path: path === "" ? at.replace(/[:. ]+$/, "") : at + path,
    message,
  });
}

function decodeKind(file: WrittenEntry, kind: Kind) {
  const entries = new Map<string, WrittenEntry>();
  const broken = new Set<string>();
  const written = file[kind] ?? {};
  if (!isMapping(written)) {
    const problem = { path: kind, message: "must be a mapping of ids to entries" };
    return { entries, broken, problems: [problem], complete: false };
  }
  const problems = Object.entries(written).flatMap(([id, entry]): readonly Problem[] => {
    const { success, error } = check(fileSchemas[kind], entry);
    if (success && isMapping(entry)) {
      entries.set(id, entry);
    } else {
      broken.add(id);
    }
    const keysAt = (path: readonly Segment[]) => knownKeysIn(fileSchemas[kind], path);
    return [
      ...problemsOfId(kind, id),
      ...problemsOf(error?.issues ?? [], { at: [kind, id], keysAt }),
    ];
  });
  return { entries, broken, problems, complete: true };
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
