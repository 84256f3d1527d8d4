import type { handleServerStreamingCall, handleUnaryCall, Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";
import { Health } from "../../gen/health/v1/health_pb.ts";
import { methodPath } from "./rpc-service.ts";
import { grpcCodes } from "./status.ts";

export const healthPaths: readonly string[] = Health.methods.map(methodPath);

type Asked = { readonly service: string };
type Answer = { readonly status: string };

/**
 * Serves grpc.health.v1 for the whole server and for these services, all serving.
 *
 * The package keeps every name that was ever watched, and repeats unknown ones in its answers. Names are
 * the caller's, so unknown ones do not get that far: they never become known here.
 */
export function addHealth(server: Server, services: readonly string[]): { markNotServing(): void } {
  const names = new Set(["", ...services]);
  const health = new HealthImplementation(
    Object.fromEntries([...names].map((name) => [name, "SERVING"] as const)),
  );
  health.addToServer({
    addService(definition, implementation) {
      // The package types its methods by none of their messages.
      const check = implementation["check"] as handleUnaryCall<Asked, Answer>;
      const watch = implementation["watch"] as handleServerStreamingCall<Asked, Answer>;
      server.addService(definition, {
        ...implementation,
        check(call: Parameters<typeof check>[0], callback: Parameters<typeof check>[1]) {
          if (names.has(call.request.service)) {
            check(call, callback);
          } else {
            callback({ code: grpcCodes["not-found"], details: "The server has no such service." });
          }
        },
        watch(call: Parameters<typeof watch>[0]) {
          if (names.has(call.request.service)) {
            watch(call);
          } else {
            // By the protocol the stream stays, in case the service comes up.
            call.write({ status: "SERVICE_UNKNOWN" });
          }
        },
      });
    },
  });
  return {
    markNotServing() {
      for (const name of names) {
        health.setStatus(name, "NOT_SERVING");
      }
    },
  };
}
