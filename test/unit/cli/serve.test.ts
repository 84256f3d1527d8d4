import { expect, test } from "vitest";
import { serve } from "../../../src/cli/serve.ts";
import { createServerWorld } from "./memory-server-world.ts";

const options = { configFile: "atlas.yaml", grpcPort: 0, httpPort: 0, logLevel: undefined };
const noCertificate = `
simulator: { mode: off }
listen: { grpc: { tls: { certFile: gone.pem, keyFile: gone.key } } }
`;

test("leaves no signal handler and no timer behind when the listeners cannot start", async () => {
  const outside = createServerWorld({ "atlas.yaml": noCertificate });
  await expect(serve(options, outside.world)).rejects.toThrow("gone.pem");
  expect(outside.listening()).toEqual({ stop: 0, reload: 0, files: [] });
  expect(outside.clock.pending()).toBe(0);
});
