import { type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { handleBidiStreamingCall, Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { Health } from "../../gen/health/v1/health_pb.ts";
import type { RpcService } from "./rpc-service.ts";

/** Their requests are streams, which the services of this server never have. */
export const reflectionPaths: ReadonlySet<string> = new Set(
  ["v1", "v1alpha"].map(
    (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
  ),
);

/** grpc-health-check ships the file one folder higher than everybody else who links it. */
const healthFile: DescFile["proto"] = { ...Health.file.proto, name: "grpc/health/v1/health.proto" };

/**
 * Serves grpc.reflection.v1 and v1alpha for the given services and for the health beside them.
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
  const protos = [...files.values()].map(({ proto }) => proto);
  const fileDescriptorProtos = [...protos, healthFile].map((proto) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, proto)),
  );
  new ReflectionService(
    // Of the type it asks for it reads this one field.
    { all: { fileDescriptorProtos, format: "", type: {} } } as unknown as ConstructorParameters<
      typeof ReflectionService
    >[0],
    { services: [...services.map(({ desc }) => desc.typeName), Health.typeName] },
  ).addToServer(withBackpressure(server));
}

/** The service of its package answers whoever does not read, until there is no memory left. */
function withBackpressure(server: Server): Pick<Server, "addService"> {
  const addService: Server["addService"] = (definition, implementation) => {
    // Its only method; messages stay as they come.
    const answer = implementation["ServerReflectionInfo"] as handleBidiStreamingCall<
      object,
      object
    >;
    const ServerReflectionInfo: typeof answer = (call) => {
      const write = call.write.bind(call);
      call.write = (message: object) => {
        const takesMore = write(message);
        if (!takesMore) {
          call.pause();
          call.once("drain", () => call.resume());
        }
        return takesMore;
      };
      answer(call);
    };
    server.addService(definition, { ServerReflectionInfo });
  };
  return { addService };
}
