import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import { service as healthService } from "grpc-health-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { useRpcListeners } from "../../support/rpc-listeners.ts";
import { until } from "../../support/until.ts";

const root = new URL("../../..", import.meta.url).pathname;
const run = promisify(execFile);
const buf = (...args: readonly string[]) =>
  run(`${root}node_modules/.bin/buf`, ["curl", ...args], { cwd: root });

const REQUEST = JSON.stringify({
  spec: { model: "acme/one", messages: [{ role: "ROLE_USER", parts: [{ text: "hi" }] }] },
});
const PLAIN_H2 = "--http2-prior-knowledge";

describe("buf curl, a client in Go", () => {
  it.each([
    { name: "gRPC, gRPC port", which: "grpc", args: ["--protocol", "grpc", PLAIN_H2] },
    { name: "gRPC, HTTP port", which: "http", args: ["--protocol", "grpc", PLAIN_H2] },
    { name: "gRPC-Web", which: "http", args: ["--protocol", "grpcweb"] },
    { name: "Connect over HTTP/1.1", which: "http", args: ["--protocol", "connect"] },
    { name: "Connect over HTTP/2", which: "http", args: ["--protocol", "connect", PLAIN_H2] },
  ] as const)("calls and streams over $name", async ({ which, args }) => {
    const { [which]: listener } = await useRpcListeners();
    const url = `http://127.0.0.1:${listener.port}/atlas.v1.RouterService`;
    const whole = await buf(...args, "--schema", "proto", "-d", REQUEST, `${url}/Complete`);
    expect(JSON.parse(whole.stdout)).toMatchObject({
      choices: [{ message: { parts: [{ text: "Hello, world!" }] } }],
    });
    const stream = await buf(...args, "--schema", "proto", "-d", REQUEST, `${url}/StreamComplete`);
    expect(stream.stdout).toContain("finished");
  });

  it("finds the services by reflection and calls through it", async () => {
    const { grpc: listener } = await useRpcListeners();
    const url = `http://127.0.0.1:${listener.port}`;
    const { stdout } = await buf("--protocol", "grpc", PLAIN_H2, "--list-services", url);
    expect(stdout.trim().split("\n").sort()).toEqual([
      "atlas.v1.CatalogService",
      "atlas.v1.RouterService",
      "atlas.v1.ScoringService",
      "grpc.health.v1.Health",
    ]);
    const methods = await buf("--protocol", "grpc", PLAIN_H2, "--list-methods", url);
    expect(methods.stdout).toContain("atlas.v1.RouterService/Complete");
    const models = await buf(
      ...["--protocol", "grpc", PLAIN_H2, `${url}/atlas.v1.CatalogService/ListModels`],
    );
    expect(JSON.parse(models.stdout)).toMatchObject({ models: [{ id: "acme/one" }] });
  });

  it("finds and calls health by reflection", async () => {
    const { grpc: listener } = await useRpcListeners();
    const url = `http://127.0.0.1:${listener.port}`;
    const methods = await buf("--protocol", "grpc", PLAIN_H2, "--list-methods", url);
    expect(methods.stdout).toContain("grpc.health.v1.Health/Check");
    const health = `${url}/grpc.health.v1.Health`;
    const check = await buf("--protocol", "grpc", PLAIN_H2, "-d", "{}", `${health}/Check`);
    expect(JSON.parse(check.stdout)).toEqual({ status: "SERVING" });
    const list = await buf("--protocol", "grpc", PLAIN_H2, "-d", "{}", `${health}/List`);
    expect(Object.keys(JSON.parse(list.stdout).statuses).sort()).toEqual([
      "",
      "atlas.v1.CatalogService",
      "atlas.v1.RouterService",
      "atlas.v1.ScoringService",
    ]);
  });

  it("shows the details of a failure", async () => {
    const { grpc: listener } = await useRpcListeners();
    const url = `http://127.0.0.1:${listener.port}/atlas.v1.RouterService/Complete`;
    const failure = await buf("--protocol", "grpc", PLAIN_H2, "-d", "{}", url).catch(
      (error: { readonly stderr: string }) => error,
    );
    expect(failure.stderr).toContain("google.rpc.ErrorInfo");
    expect(failure.stderr).toContain("google.rpc.BadRequest");
  });
});

describe("reflection", () => {
  /** What a client of this version asks: the services, and the files of one. */
  async function ask(version: "v1" | "v1alpha", port: number, request: object) {
    const name = `grpc.reflection.${version}.ServerReflection`;
    const file = `grpc/reflection/${version}/reflection.proto`;
    const service = loadService(file, name, [`${root}node_modules/@grpc/reflection/build/proto`]);
    const client = clientFor(service, port) as unknown as {
      readonly ServerReflectionInfo: () => grpc.ClientDuplexStream<object, object>;
    };
    const stream = client.ServerReflectionInfo();
    stream.end(request);
    const [answer] = await stream.toArray();
    return answer;
  }

  it.each(["v1", "v1alpha"] as const)("of %s lists health and has its file", async (version) => {
    const { grpc: listener } = await useRpcListeners();
    expect(await ask(version, listener.port, { listServices: "" })).toMatchObject({
      listServicesResponse: {
        service: [
          { name: "atlas.v1.RouterService" },
          { name: "atlas.v1.CatalogService" },
          { name: "atlas.v1.ScoringService" },
          { name: "grpc.health.v1.Health" },
        ],
      },
    });
    const fileByFilename = "grpc/health/v1/health.proto";
    for (const request of [{ fileContainingSymbol: "grpc.health.v1.Health" }, { fileByFilename }]) {
      const { fileDescriptorResponse } = (await ask(version, listener.port, request)) as {
        readonly fileDescriptorResponse: { readonly fileDescriptorProto: readonly Buffer[] };
      };
      const files = fileDescriptorResponse.fileDescriptorProto.map((bytes) =>
        fromBinary(FileDescriptorProtoSchema, bytes),
      );
      expect(files.map(({ name }) => name)).toEqual([fileByFilename]);
      expect(files[0]?.service[0]?.method.map((method) => method.name)).toContain("Watch");
    }
  });
});

type Unary = (
  request: object,
  callback: (error: grpc.ServiceError | null, answer: Record<string, unknown>) => void,
) => grpc.ClientUnaryCall;
type Stream = (request: object) => grpc.ClientReadableStream<Record<string, unknown>>;

function loadService(path: string, name: string, includeDirs: string[]) {
  const definition = protoLoader.loadSync(path, { includeDirs, longs: String, enums: String });
  return definition[name] as unknown as grpc.ServiceDefinition;
}

function clientFor(service: grpc.ServiceDefinition, port: number): grpc.Client {
  const Client = grpc.makeGenericClientConstructor(service, "test");
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  onTestFinished(() => client.close());
  return client;
}

describe("grpc-js with @grpc/proto-loader", () => {
  const routerService = loadService("atlas/v1/router_service.proto", "atlas.v1.RouterService", [
    `${root}proto`,
  ]);

  it.each(["grpc", "http"] as const)("calls and streams on the %s port", async (which) => {
    const { [which]: listener } = await useRpcListeners();
    const client = clientFor(routerService, listener.port) as unknown as {
      readonly Complete: Unary;
      readonly StreamComplete: Stream;
    };
    const answer = await new Promise<Record<string, unknown>>((resolve, reject) => {
      client.Complete(JSON.parse(REQUEST), (error, value) =>
        error === null ? resolve(value) : reject(error),
      );
    });
    expect(answer["endpoint"]).toBe("acme/eu/one");
    const stream = client.StreamComplete(JSON.parse(REQUEST));
    const sequences: unknown[] = [];
    for await (const message of stream) {
      sequences.push((message as Record<string, unknown>)["sequence"]);
    }
    expect(sequences).toHaveLength(4);
  });
});

describe("health", () => {
  type Health = { readonly check: Unary; readonly watch: Stream };
  const health = (port: number) =>
    clientFor(healthService as unknown as grpc.ServiceDefinition, port) as unknown as Health;

  const check = (client: Health, service: string) =>
    new Promise<unknown>((resolve) => {
      client.check({ service }, (error, answer) => resolve(error?.code ?? answer["status"]));
    });

  it("is told for the server and each service", async () => {
    const { grpc: listener } = await useRpcListeners();
    const client = health(listener.port);
    expect(await check(client, "")).toBe("SERVING");
    expect(await check(client, "atlas.v1.RouterService")).toBe("SERVING");
    expect(await check(client, "atlas.v1.CatalogService")).toBe("SERVING");
    expect(await check(client, "no.such.Service")).toBe(grpc.status.NOT_FOUND);
  });

  it("keeps no name that a caller made up, and repeats none", async () => {
    const { grpc: listener } = await useRpcListeners();
    const service = "x".repeat(1_000_000);
    const keeps = vi.spyOn(Map.prototype, "set");
    onTestFinished(() => keeps.mockRestore());
    const client = health(listener.port);
    const watch = client.watch({ service });
    watch.on("error", () => undefined);
    const [first] = await new Promise<unknown[]>((resolve) => {
      watch.on("data", (...seen) => resolve(seen));
    });
    watch.cancel();
    expect(first).toEqual({ status: "SERVICE_UNKNOWN" });
    expect(keeps.mock.calls.filter(([name]) => name === service)).toEqual([]);
    const error = await new Promise<grpc.ServiceError | null>((resolve) => {
      client.check({ service }, resolve);
    });
    expect(error?.code).toBe(grpc.status.NOT_FOUND);
    expect(error?.details.length).toBeLessThan(100);
  });

  it("changes for watchers when the server is about to stop", async () => {
    const { grpc: listener } = await useRpcListeners();
    const seen: unknown[] = [];
    const watch = health(listener.port).watch({ service: "" });
    watch.on("data", ({ status }: { readonly status: string }) => seen.push(status));
    watch.on("error", () => undefined);
    await until(() => seen.length === 1);
    listener.markNotServing();
    await until(() => seen.length === 2);
    expect(seen).toEqual(["SERVING", "NOT_SERVING"]);
    await listener.drain(0);
  });
});
