import type { OutgoingHttpHeaders } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import type { WireStatus } from "./status.ts";

/** Serialized `google.rpc.Status`: what every gRPC library reads error details from. */
export const STATUS_DETAILS = "grpc-status-details-bin";

/** What a failed call ends with, as trailers or as the headers of an answer that has nothing else. */
export function trailersOf(status: WireStatus): OutgoingHttpHeaders {
  const { code, message, trailers } = status;
  return {
    "grpc-status": code,
    "grpc-message": encodeURI(message),
    [STATUS_DETAILS]: binaryHeader(encodeStatusDetails(status)),
    ...Object.fromEntries(trailers),
  };
}

/** As headers whose names end in `-bin` carry bytes. */
export function binaryHeader(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

export function encodeStatusDetails({ code, message, details }: WireStatus): Uint8Array {
  const packed = details.map(({ desc, value }) => anyPack(desc, create(desc, value)));
  return toBinary(StatusSchema, create(StatusSchema, { code, message, details: packed }));
}
