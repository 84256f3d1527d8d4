import type { Endpoint } from "../domain/catalog.ts";
import { passesGate } from "../domain/gate.ts";
import { pricesAt } from "../domain/money.ts";
import type { Parameter } from "../domain/parameters.ts";
import type { RejectionReason } from "../domain/plan.ts";
import type { Demand } from "./demand.ts";
import { NOTHING } from "./effective-policy.ts";

/**
 * One hard rule. Hard rules are never relaxed, not even when nothing is left.
 *
 * `plan` asks `refuses` and stops at the first rule; `explain` asks every rule and adds the detail. Both
 * read this one table, so they cannot disagree. `cost` is that of the whole call in nano-USD, absent
 * when a price is unknown; only `priceRules` ask for it.
 */
export type Rule = {
  readonly reason: RejectionReason;
  /** False spares the rule for this call: nothing in the call or its policy can trip it. */
  readonly applies: (demand: Demand) => boolean;
  readonly refuses: (endpoint: Endpoint, demand: Demand, cost: number | undefined) => boolean;
  /** For people: the figures that were compared. */
  readonly detail: (endpoint: Endpoint, demand: Demand, cost: number | undefined) => string;
};

const always = () => true;

/** In the order in which they are tried; the first one names the refusal of the fast path. */
export const hardRules: readonly Rule[] = [
  {
    reason: "disabled",
    applies: always,
    refuses: ({ enabled }) => !enabled,
    detail: () => "switched off in the catalogue",
  },
  {
    reason: "provider-not-allowed",
    applies: ({ policy }) => policy.onlyProviders.length > 0 || policy.ignoreProviders.length > 0,
    refuses: ({ provider }, { policy }) =>
      (policy.onlyProviders.length > 0 && !policy.onlyProviders.includes(provider.id)) ||
      policy.ignoreProviders.includes(provider.id),
    detail: ({ provider }, { policy }) =>
      policy.ignoreProviders.includes(provider.id)
        ? `${provider.id} is ignored`
        : allowedOf(
            "provider",
            policy.onlyProviders,
            (list) => `${provider.id} is not among ${list}`,
          ),
  },
  {
    // An endpoint that may run in several regions does not say which one a call gets.
    reason: "region-not-allowed",
    applies: ({ policy }) => policy.regions.length > 0,
    refuses: ({ regions }, { policy }) =>
      regions.length === 0 || !regions.every((region) => policy.regions.includes(region)),
    detail: ({ regions }, { policy }) =>
      allowedOf(
        "region",
        policy.regions,
        (list) =>
          `runs in ${regions.length === 0 ? "an unknown region" : regions.join(", ")}, allowed: ${list}`,
      ),
  },
  {
    reason: "data-retention",
    applies: ({ policy }) => policy.zeroDataRetention,
    refuses: ({ zeroDataRetention }) => !zeroDataRetention,
    detail: () => "no promise of zero data retention",
  },
  {
    reason: "quantization-not-allowed",
    applies: ({ policy }) => policy.quantizations.length > 0,
    refuses: ({ quantization }, { policy }) => !policy.quantizations.includes(quantization),
    detail: ({ quantization }, { policy }) =>
      allowedOf(
        "quantization",
        policy.quantizations,
        (list) => `${quantization} is not among ${list}`,
      ),
  },
  {
    reason: "not-native-precision",
    applies: ({ policy }) => policy.tier === "realtime",
    refuses: ({ native }) => !native,
    detail: ({ quantization, precision }) =>
      `realtime wants the released precision, this is ${precision} (${quantization})`,
  },
  {
    reason: "gate-not-green",
    applies: ({ policy }) => policy.tier === "standard",
    refuses: (endpoint, { policy, gates }) =>
      !(endpoint.native || passesGate(gates(policy.operation, endpoint))),
    detail: (endpoint, { policy, gates }) =>
      `gate is ${gates(policy.operation, endpoint)} for ${nameOf(policy.operation)} at ${endpoint.precision} precision`,
  },
  {
    reason: "modality-unsupported",
    applies: ({ media }) => media.length > 0,
    refuses: ({ inputModalities }, { media }) => media.some((kind) => !inputModalities.has(kind)),
    detail: ({ inputModalities }, { media }) =>
      `cannot read ${media.filter((kind) => !inputModalities.has(kind)).join(", ")}`,
  },
  {
    reason: "capability-missing",
    applies: ({ essential }) => essential.length > 0,
    refuses: ({ parameters }, { essential }) => lacksAny(parameters, essential),
    detail: (endpoint, { essential }) => `cannot do ${missing(endpoint, essential).join(", ")}`,
  },
  {
    reason: "parameter-unsupported",
    applies: ({ policy, parameters }) => policy.requireAllParameters && parameters.length > 0,
    refuses: ({ parameters }, demand) => lacksAny(parameters, demand.parameters),
    detail: (endpoint, { parameters }) => `cannot take ${missing(endpoint, parameters).join(", ")}`,
  },
  {
    reason: "context-too-small",
    applies: always,
    refuses: ({ contextLength, maxOutputTokens }, demand) =>
      demand.inputTokens + (demand.maxOutputTokens ?? 0) > contextLength ||
      (demand.maxOutputTokens ?? 0) > maxOutputTokens,
    detail: ({ contextLength, maxOutputTokens }, demand) =>
      (demand.maxOutputTokens ?? 0) > maxOutputTokens
        ? `max_output_tokens ${demand.maxOutputTokens} is above its ${maxOutputTokens}`
        : `${demand.inputTokens} input and ${demand.maxOutputTokens ?? 0} output tokens, window ${contextLength}`,
  },
];

/** They need the cost of the call, so they come after the others. */
export const priceRules: readonly Rule[] = [
  {
    reason: "price-unknown",
    applies: always,
    refuses: (_endpoint, _demand, cost) => cost === undefined,
    detail: () => "a price that the call needs is unknown, and unknown is not free",
  },
  {
    reason: "price-above-limit",
    applies: ({ policy }) =>
      policy.maxInputPerMtok !== undefined || policy.maxOutputPerMtok !== undefined,
    refuses: ({ pricing }, { policy, inputTokens }) => {
      const { inputPerMtok, outputPerMtok } = pricesAt(pricing, inputTokens);
      return (
        exceeds(inputPerMtok, policy.maxInputPerMtok) ||
        exceeds(outputPerMtok, policy.maxOutputPerMtok)
      );
    },
    detail: ({ pricing }, { policy, inputTokens }) => {
      const { inputPerMtok, outputPerMtok } = pricesAt(pricing, inputTokens);
      return (
        `${inputPerMtok ?? "?"} in and ${outputPerMtok ?? "?"} out nano-USD per Mtok, ` +
        `at most ${policy.maxInputPerMtok ?? "any"} in and ${policy.maxOutputPerMtok ?? "any"} out`
      );
    },
  },
  {
    reason: "cost-above-limit",
    applies: ({ policy }) => policy.maxCost !== undefined,
    refuses: (_endpoint, { policy }, cost) => exceeds(cost, policy.maxCost),
    detail: (_endpoint, { policy }, cost) =>
      `about ${cost} nano-USD for this call, at most ${policy.maxCost}`,
  },
];

function nameOf(operation: string): string {
  return operation === "" ? "a call without an operation" : JSON.stringify(operation);
}

/** What the endpoint cannot take of the wanted parameters. */
export function missing(
  { parameters }: Endpoint,
  wanted: readonly Parameter[],
): readonly Parameter[] {
  return lacksAny(parameters, wanted) ? wanted.filter((name) => !parameters.has(name)) : NONE;
}

/** Shared by all endpoints that take everything: the usual case allocates nothing. */
const NONE: readonly Parameter[] = [];

/** An unknown price exceeds no limit: another rule refuses it. */
function exceeds(value: number | undefined, limit: number | undefined): boolean {
  return value !== undefined && limit !== undefined && value > limit;
}

function lacksAny(parameters: ReadonlySet<Parameter>, wanted: readonly Parameter[]): boolean {
  for (const name of wanted) {
    if (!parameters.has(name)) {
      return true;
    }
  }
  return false;
}

/** The sentence on what is allowed, or that nothing is, because both sides allow different things. */
function allowedOf(
  what: string,
  allowed: readonly string[],
  sentence: (list: string) => string,
): string {
  return allowed.every((name) => name === NOTHING)
    ? `the request and the operator allow no ${what} in common`
    : sentence(allowed.join(", "));
}
