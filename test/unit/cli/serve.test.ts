import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { serve } from "../../../src/cli/serve.ts";
import { createServerWorld } from "./memory-server-world.ts";

const options = {
  configFile: "atlas.yaml",
  grpcPort: 0,
  httpPort: 0,
  logLevel: undefined,
  role: undefined,
  nats: undefined,
};
const quiet = "simulator: { mode: off }\n";
const pem = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), "utf8");

describe("serve()", () => {
  test("leaves no signal handler and no timer behind when the listeners cannot start", async () => {
    // An address for documentation: no machine has it.
    const listen = "listen: { grpc: { host: 203.0.113.1 }, http: { host: 203.0.113.2 } }\n";
    const outside = createServerWorld({ "atlas.yaml": quiet + listen });
    await expect(serve(options, outside.world)).rejects.toThrow(
      "listen.grpc.host: 203.0.113.1 is no address of this machine; 0.0.0.0 stands for all it has\n" +
        "listen.http.host: 203.0.113.2 is no address of this machine; 0.0.0.0 stands for all it has",
    );
    expect(outside.listening()).toEqual({ stop: 0, reload: 0, files: [] });
    expect(outside.clock.pending()).toBe(0);
  });

  test("tells one problem in one line, and several under a heading", async () => {
    const refusal = (text: string) =>
      serve(options, createServerWorld({ "atlas.yaml": text }).world).catch(
        (error) => error.message,
      );
    expect(await refusal("[]")).toBe("atlas.yaml: must be a mapping");
    expect(await refusal("a: 1")).toBe("a: is not a known key");
    expect(await refusal("{ a: 1, b: 2 }")).toBe(
      "2 problems with atlas.yaml\na: is not a known key\nb: is not a known key",
    );
  });

  test("logs a certificate that is out of date, and serves", async () => {
    const tls = "listen: { grpc: { tls: { certFile: /server.pem, keyFile: /server-key.pem } } }\n";
    const outside = createServerWorld({
      "atlas.yaml": quiet + tls,
      "/server.pem": pem("server"),
      "/server-key.pem": pem("server-key"),
    });
    const { promise: printed, resolve: onPrinted } = Promise.withResolvers<void>();
    let logged = "";
    let stop = () => {};
    const output = { isTerminal: false, columns: undefined };
    const running = serve(options, {
      ...outside.world,
      nowMs: () => 0,
      stdout: { ...output, write: () => onPrinted() },
      stderr: {
        ...output,
        write: (text) => {
          logged += text;
        },
      },
      onStop(listener) {
        stop = listener;
        return () => undefined;
      },
    });
    await printed;
    stop();
    stop();
    await outside.clock.advance(1_000);
    await running;
    expect(logged).toMatch(/"level":"warn".*listen\.grpc\.tls\.certFile: .* is not valid before/);
  });
});
