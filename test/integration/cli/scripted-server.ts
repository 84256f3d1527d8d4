import { createSecureServer, createServer, type SecureServerOptions } from "node:http2";
import type { AddressInfo } from "node:net";
import type { ServiceImpl } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach } from "vitest";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { InsightService } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../../gen/atlas/v1/scoring_service_pb.ts";

/** What the server answers; what is not scripted is UNIMPLEMENTED. */
export type Script = {
  readonly router?: Partial<ServiceImpl<typeof RouterService>>;
  readonly catalog?: Partial<ServiceImpl<typeof CatalogService>>;
  readonly scoring?: Partial<ServiceImpl<typeof ScoringService>>;
  readonly insight?: Partial<ServiceImpl<typeof InsightService>>;
  /** Absent: no TLS. */
  readonly tls?: SecureServerOptions;
};

/** Starts servers on loopback that end with the test. Each gives its `host:port`. */
export function useScriptedServer(): (script: Script) => Promise<string> {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  return async ({ router = {}, catalog = {}, scoring = {}, insight = {}, tls }) => {
    const handler = connectNodeAdapter({
      routes: (routes) => {
        routes.service(RouterService, router);
        routes.service(CatalogService, catalog);
        routes.service(ScoringService, scoring);
        routes.service(InsightService, insight);
      },
    });
    const server = tls === undefined ? createServer(handler) : createSecureServer(tls, handler);
    const sessions = new Set<{ destroy(): void }>();
    server.on("session", (session) => {
      sessions.add(session);
      session.on("close", () => sessions.delete(session));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    closers.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          for (const session of sessions) {
            session.destroy();
          }
        }),
    );
    // A server that listens on a port has an address with one.
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
}
