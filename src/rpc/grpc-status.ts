import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { WireStatus } from "./status.ts";

/** Serialized `google.rpc.Status`: what every gRPC library reads error details from. */
export const STATUS_DETAILS = "grpc-status-details-bin";

/** What grpc-js sends as the end of a failed call. */
export type GrpcFailure = {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
};

export function encodeStatusDetails({ code, message, details }: WireStatus): Buffer {
  const packed = details.map(({ desc, value }) => anyPack(desc, create(desc, value)));
  const status = create(StatusSchema, { code, message, details: packed });
  return Buffer.from(toBinary(StatusSchema, status));
}

/** Adds to the trailers that the handler has set. */
export function grpcFailureOf(status: WireStatus, metadata: Metadata | undefined): GrpcFailure {
  const trailers = metadata ?? new Metadata();
  trailers.set(STATUS_DETAILS, encodeStatusDetails(status));
  for (const [name, value] of status.trailers) {
    trailers.set(name, value);
  }
  return { code: status.code, details: status.message, metadata: trailers };
}
