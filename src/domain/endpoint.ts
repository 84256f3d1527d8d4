/** Names one endpoint in the whole fleet: `azure/eastus/gpt-4o-mini`. */
export type EndpointId = string & { readonly __brand: "EndpointId" };

/** Wire format an endpoint is called in. */
export type Dialect = "openai-chat" | "anthropic-messages";

/**
 * Weight formats an endpoint can declare.
 *
 * `unknown` is a closed model run by its owner or a licensed cloud: nobody outside knows the format
 * and the model has no other. `undisclosed` is a provider that serves open weights and does not say.
 */
export const quantizations = [
  "int4",
  "int8",
  "fp4",
  "mxfp4",
  "nvfp4",
  "fp6",
  "fp8",
  "mxfp8",
  "fp16",
  "bf16",
  "fp32",
  "unknown",
  "undisclosed",
] as const;

export type Quantization = (typeof quantizations)[number];

/** Coarse class of a quantization, as a model's page shows it. */
export type Precision = "full" | "q8" | "q6" | "q4" | "undisclosed";

const precisions: Readonly<Record<Quantization, Precision>> = {
  int4: "q4",
  fp4: "q4",
  mxfp4: "q4",
  nvfp4: "q4",
  fp6: "q6",
  int8: "q8",
  fp8: "q8",
  mxfp8: "q8",
  fp16: "full",
  bf16: "full",
  fp32: "full",
  unknown: "full",
  undisclosed: "undisclosed",
};

export function precisionOf(quantization: Quantization): Precision {
  return precisions[quantization];
}

/**
 * Whether an endpoint serves a model as it was released, so that no eval gate is needed.
 *
 * True for the released format itself and for every full-precision format, which holds the released
 * weights without loss. A different format of the same width (int8 for weights released in fp8) is a
 * conversion and not native.
 */
export function isNative(quantization: Quantization, released: Quantization): boolean {
  return (
    precisionOf(quantization) === "full" ||
    (quantization === released && quantization !== "undisclosed")
  );
}

export type Modality = "text" | "image" | "audio" | "video" | "file";

/** Who runs endpoints. */
export type Provider = {
  /** Lower-case slug: `deepinfra`. */
  readonly id: string;
  readonly displayName: string;
};

/** Where a fact comes from. */
export type Provenance = {
  /** Page, file or person the facts were read from. */
  readonly source: string;
  /** Day they were read, ISO 8601: `2026-11-02`. */
  readonly date: string;
};
