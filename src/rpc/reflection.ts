import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import type { RpcService } from "./rpc-service.ts";

/**
 * Serves grpc.reflection.v1 and v1alpha for the given services.
 *
 * The descriptors are the verbatim ones of the services' files and their imports: those that
 * @grpc/proto-loader would make merge the files of a package, and strict clients refuse them.
 */
export function addReflection(server: Server, services: readonly RpcService[]): void {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile) => {
    if (!files.has(file.name)) {
      files.set(file.name, file);
      file.dependencies.forEach(add);
    }
  };
  for (const { desc } of services) {
    add(desc.file);
  }
  // Not imported by any service, yet in every error: tools look the details up here.
  add(file_google_rpc_error_details);
  const fileDescriptorProtos = [...files.values()].map(({ proto }) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  new ReflectionService(
    // Of the type it asks for it reads this one field.
    { all: { fileDescriptorProtos, format: "", type: {} } } as unknown as ConstructorParameters<
      typeof ReflectionService
    >[0],
    { services: services.map(({ desc }) => desc.typeName) },
  ).addToServer(server);
}
