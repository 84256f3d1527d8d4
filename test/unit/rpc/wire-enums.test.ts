import type { DescEnum } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  FinishReasonSchema,
  Heartbeat_PhaseSchema,
  ReasoningConfig_EffortSchema,
  RoleSchema,
} from "../../../gen/atlas/v1/completion_pb.ts";
import {
  GateStateSchema,
  PrioritySchema,
  RejectionReasonSchema,
  RelaxationSchema,
} from "../../../gen/atlas/v1/routing_pb.ts";
import {
  FailureKindSchema,
  ModalitySchema,
  PrecisionSchema,
  QuantizationSchema,
  TierSchema,
  UsageSourceSchema,
} from "../../../gen/atlas/v1/types_pb.ts";
import * as tables from "../../../src/rpc/wire-enums.ts";

type Pair = {
  readonly name: string;
  readonly table: Readonly<Record<string, number>>;
  readonly desc: DescEnum;
  /** Values the domain has no word for, by design. */
  readonly without?: readonly string[];
};

const pairs: readonly Pair[] = [
  { name: "Role", table: tables.roleToWire, desc: RoleSchema },
  { name: "Tier", table: tables.tierToWire, desc: TierSchema, without: ["TIER_BATCH"] },
  { name: "Quantization", table: tables.quantizationToWire, desc: QuantizationSchema },
  { name: "Precision", table: tables.precisionToWire, desc: PrecisionSchema },
  { name: "Modality", table: tables.modalityToWire, desc: ModalitySchema },
  { name: "Priority", table: tables.priorityToWire, desc: PrioritySchema },
  { name: "Effort", table: tables.effortToWire, desc: ReasoningConfig_EffortSchema },
  { name: "FinishReason", table: tables.finishReasonToWire, desc: FinishReasonSchema },
  { name: "UsageSource", table: tables.usageSourceToWire, desc: UsageSourceSchema },
  { name: "Heartbeat.Phase", table: tables.heartbeatPhaseToWire, desc: Heartbeat_PhaseSchema },
  { name: "GateState", table: tables.gateToWire, desc: GateStateSchema },
  { name: "Relaxation", table: tables.relaxationToWire, desc: RelaxationSchema },
  { name: "FailureKind", table: tables.failureToWire, desc: FailureKindSchema },
  { name: "RejectionReason", table: tables.rejectionToWire, desc: RejectionReasonSchema },
];

describe.each(pairs)("the table of $name", ({ table, desc, without = [] }) => {
  it("has every value of the API but the unspecified one, each under its own name", () => {
    const prefix = desc.sharedPrefix?.toUpperCase() ?? "";
    const expected = desc.values
      .filter(({ number, name }) => number !== 0 && !without.includes(name))
      .map(({ name, number }) => [name, number]);
    const actual = Object.entries(table).map(([word, number]) => [
      prefix + word.toUpperCase().replaceAll("-", "_"),
      number,
    ]);
    expect(new Map(actual as [string, number][])).toEqual(new Map(expected as [string, number][]));
  });
});

describe("reading enumerations", () => {
  it("gives back every word", () => {
    for (const [word, number] of Object.entries(tables.quantizationToWire)) {
      expect(tables.quantizationFromWire[number]).toBe(word);
    }
  });

  it("knows no word for zero and for values from the future", () => {
    expect(tables.roleFromWire[0]).toBeUndefined();
    expect(tables.roleFromWire[99]).toBeUndefined();
    expect(tables.roleFromWire[-1]).toBeUndefined();
  });
});
