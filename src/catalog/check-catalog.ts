import { formatPath, type Problem } from "../decode/problems.ts";
import type { CatalogEntries, EndpointEntry, ModelEntry } from "./catalog-schema.ts";
import { familyLines } from "./intelligence-tables.ts";

/** What no entry can tell by itself: names that refer to nothing, and names that refer to two things. */
export function checkCatalog(catalog: CatalogEntries): readonly Problem[] {
  return [
    ...aliasProblems(catalog.models),
    ...[...catalog.models].flatMap(([id, model]) => modelProblems(id, model)),
    ...[...catalog.endpoints].flatMap(([id, endpoint]) => endpointProblems(id, endpoint, catalog)),
  ];
}

function aliasProblems(models: ReadonlyMap<string, ModelEntry>): readonly Problem[] {
  const problems: Problem[] = [];
  const owners = new Map([...models.keys()].map((id) => [id.toLowerCase(), id]));
  for (const [id, { aliases }] of models) {
    for (const [index, alias] of aliases.entries()) {
      const owner = owners.get(alias.toLowerCase());
      if (owner !== undefined) {
        problems.push({
          path: formatPath(["models", id, "aliases", index]),
          message: `already names ${owner}`,
        });
      }
      owners.set(alias.toLowerCase(), id);
    }
  }
  return problems;
}

function modelProblems(id: string, model: ModelEntry): readonly Problem[] {
  return [
    ...estimateProblems(id, model),
    ...quantizationProblems(id, model),
    ...select(
      ["models", id],
      [
        {
          field: "maxOutputTokens",
          wrong: (model.maxOutputTokens ?? 0) > model.contextLength,
          message: `must be at most contextLength ${model.contextLength}`,
        },
        {
          field: "deprecationDate",
          // ISO 8601 days sort as text.
          wrong: (model.deprecationDate ?? "9999") < (model.releaseDate ?? ""),
          message: `must not be before releaseDate ${model.releaseDate}`,
        },
      ],
    ),
  ];
}

function estimateProblems(id: string, { estimate }: ModelEntry): readonly Problem[] {
  if (estimate === undefined) {
    return [];
  }
  const line = familyLines.get(estimate.line);
  const [field, known] =
    line === undefined
      ? (["line", familyLines.keys()] as const)
      : (["generation", line.generations.keys()] as const);
  const names = [...known];
  return select(
    ["models", id, "estimate"],
    [
      {
        field,
        wrong: !names.includes(estimate[field]),
        message: `must be one of ${names.join(", ")}`,
      },
    ],
  );
}

function quantizationProblems(id: string, model: ModelEntry): readonly Problem[] {
  const { openWeights, nativeQuantization } = model;
  const field = "nativeQuantization";
  return select(
    ["models", id],
    [
      {
        field,
        wrong: openWeights && nativeQuantization === undefined,
        message: "is required for open weights",
      },
      {
        field,
        wrong:
          openWeights && (nativeQuantization === "unknown" || nativeQuantization === "undisclosed"),
        message: "must be the format the weights were released in",
      },
      {
        field,
        wrong: !openWeights && (nativeQuantization ?? "unknown") !== "unknown",
        message: "must be unknown for closed weights",
      },
    ],
  );
}

function endpointProblems(
  id: string,
  endpoint: EndpointEntry,
  { models, providers }: CatalogEntries,
): readonly Problem[] {
  const model = models.get(endpoint.model);
  const provider = providers.get(endpoint.provider);
  const { account, contextLength, maxOutputTokens, quantization } = endpoint;
  return select(
    ["endpoints", id],
    [
      {
        field: "model",
        wrong: model === undefined,
        message: `no model is called ${endpoint.model}`,
      },
      {
        field: "provider",
        wrong: provider === undefined,
        message: `no provider is called ${endpoint.provider}`,
      },
      {
        field: "account",
        wrong:
          provider !== undefined &&
          account !== undefined &&
          !Object.hasOwn(provider.accounts, account),
        message: `${endpoint.provider} has no account ${account}`,
      },
      {
        field: "quantization",
        // `unknown` stands for closed weights that have only one format, and passes as native.
        wrong: model?.openWeights === true && quantization === "unknown",
        message: "must be undisclosed when a provider of open weights does not say",
      },
      {
        field: "maxOutputTokens",
        wrong:
          (maxOutputTokens ?? 0) >
          (contextLength ?? model?.contextLength ?? Number.POSITIVE_INFINITY),
        message: "must be at most contextLength",
      },
    ],
  );
}

type Rule = { readonly field: string; readonly wrong: boolean; readonly message: string };

function select(entry: readonly string[], rules: readonly Rule[]): readonly Problem[] {
  return rules
    .filter(({ wrong }) => wrong)
    .map(({ field, message }) => ({ path: formatPath([...entry, ...field.split(".")]), message }));
}
