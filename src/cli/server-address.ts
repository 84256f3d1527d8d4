import { UsageProblem } from "./usage-problem.ts";

const DEFAULT_PORT = "50051";

/**
 * The URL that `--server` names: `host`, `host:port`, `[::1]:port`, or a URL without a path. `grpc://` and
 * `grpcs://`, as `atlas serve` prints them, stand for http and https.
 *
 * Without a scheme it is https where `tls` asks for it. Throws a `UsageProblem` for anything else.
 */
export function parseServerAddress(address: string, tls: boolean): URL {
  const explicit = /^(?:http|grpc)s?:\/\//i.test(address);
  const text = explicit
    ? address.replace(/^grpc/i, "http")
    : `${tls ? "https" : "http"}://${address}`;
  const url = URL.parse(text);
  if (url === null || url.hostname === "" || (!explicit && address.includes("/"))) {
    throw new UsageProblem(
      `--server ${address} is no host:port and no http, https, grpc or grpcs URL`,
    );
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new UsageProblem(`--server ${address} holds more than a scheme, a host and a port`);
  }
  if (tls && url.protocol !== "https:") {
    throw new UsageProblem(`--server ${address} has no TLS, but a --tls option is given`);
  }
  // A URL drops its scheme's own port, so only a look at the text tells an explicit :443 from none.
  if (url.port === "" && !/:\d+\/?$/.test(text)) {
    url.port = DEFAULT_PORT;
  }
  return url;
}
