/**
 * Takes whatever is exported over OTLP/HTTP and throws it away, so that an exporter has somebody who
 * answers. Run: node test/bench/otlp-sink.ts. Prints `listening <port>`.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const server = createServer((request, response) => {
  request.resume();
  request.once("end", () => {
    response.writeHead(200, { "content-type": "application/x-protobuf", "content-length": 0 });
    response.end();
  });
});

server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`listening ${port}\n`);
});
