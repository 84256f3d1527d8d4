import {
  Precision,
  PrecisionSchema,
  Quantization,
  QuantizationSchema,
} from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "./enum-words.ts";
import { ABSENT } from "./figures.ts";

/** How an endpoint holds the weights, as pages show it: "full · bf16", "q8 · fp8", "undisclosed". */
export function formatWeights({
  precision,
  quantization,
}: {
  readonly precision: Precision;
  readonly quantization: Quantization;
}): string {
  if (precision === Precision.UNSPECIFIED) {
    return ABSENT;
  }
  const precisionWord = wordOf(PrecisionSchema, precision);
  return precision === Precision.UNDISCLOSED || quantization === Quantization.UNSPECIFIED
    ? precisionWord
    : `${precisionWord} · ${wordOf(QuantizationSchema, quantization)}`;
}
