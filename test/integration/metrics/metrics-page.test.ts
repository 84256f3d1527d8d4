import http2 from "node:http2";
import { createConnection } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { contentTypes, textOf } from "../../../src/metrics/exposition.ts";
import { expositionFor } from "../../../src/metrics/negotiate.ts";
import { createMetricsPage, type MetricsPageOptions } from "../../../src/rpc/metrics-page.ts";
import { exampleMetrics, playLoad } from "../../support/prometheus-load.ts";
import { eventually } from "../../support/prometheus-server.ts";
import { useRpcListeners } from "../../support/rpc-listeners.ts";

type Scheduled = { readonly delayMs: number; readonly task: () => void; isOff: boolean };

async function serve(changes: Partial<MetricsPageOptions> = {}) {
  const { metrics, endpoints } = exampleMetrics();
  playLoad(metrics, endpoints);
  const scheduled: Scheduled[] = [];
  const errors: string[] = [];
  const page = createMetricsPage({
    pageFor(accept) {
      const format = expositionFor(accept);
      return {
        contentType: contentTypes[format],
        pieces: textOf(metrics.collect(), format),
      };
    },
    schedule(delayMs, task) {
      const entry = { delayMs, task, isOff: false };
      scheduled.push(entry);
      return () => {
        entry.isOff = true;
      };
    },
    log: (level, message) => errors.push(`${level} ${message}`),
    ...changes,
  });
  const { http } = await useRpcListeners({
    listener: { routes: (path) => (path === "/metrics" ? page : undefined) },
  });
  return { url: `http://127.0.0.1:${http.port}/metrics`, port: http.port, scheduled, errors };
}

/** Pieces without end, each larger than a socket takes at once. */
function endless() {
  const told = { pieces: 0 };
  function* pieces() {
    for (;;) {
      told.pieces += 1;
      yield "x".repeat(1_048_576);
    }
  }
  return { told, pageFor: () => ({ contentType: "text/plain", pieces: pieces() }) };
}

describe("createMetricsPage()", () => {
  test("answers in the format that is asked for", async () => {
    const { url, scheduled } = await serve();
    const plain = await fetch(url);
    expect(plain.headers.get("content-type")).toBe(contentTypes.prometheus);
    expect(plain.headers.get("cache-control")).toBe("no-store");
    expect(plain.headers.get("vary")).toBe("accept");
    expect(await plain.text()).toContain(
      'atlas_plans_total{atlas_tier="standard",atlas_outcome="planned"} 6\n',
    );
    const open = await fetch(url, { headers: { accept: "application/openmetrics-text" } });
    expect(open.headers.get("content-type")).toBe(contentTypes.openmetrics);
    expect((await open.text()).endsWith("# EOF\n")).toBe(true);
    expect(scheduled.map(({ isOff }) => isOff)).toEqual([true, true]);
  });

  test("answers HEAD without a body, and makes none", async () => {
    const { told, pageFor } = endless();
    const { url } = await serve({ pageFor });
    const response = await fetch(url, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
    expect(told.pieces).toBe(0);
  });

  test("refuses other methods", async () => {
    const { url } = await serve();
    const response = await fetch(url, { method: "POST", body: "x" });
    expect(response.status).toBe(405);
    expect(response.headers.get("allow")).toBe("GET, HEAD");
  });

  test("answers over HTTP/2", async () => {
    const { port } = await serve();
    const session = http2.connect(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const stream = session.request({ ":path": "/metrics" });
    let text = "";
    for await (const chunk of stream.setEncoding("utf8")) {
      text += chunk;
    }
    expect(text).toContain("atlas_calls_total");
  });

  test("makes no more than its reader takes, cuts off the slow ones and takes others again", async () => {
    const { told, pageFor } = endless();
    const { url, port, scheduled, errors } = await serve({ pageFor });
    const sockets = Array.from({ length: 4 }, () => {
      const socket = createConnection(port, "127.0.0.1").on("error", () => undefined);
      socket.pause().write("GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n");
      onTestFinished(() => void socket.destroy());
      return socket;
    });
    await eventually(async () => scheduled.length === 4);
    const fifth = await fetch(url);
    expect(fifth.status).toBe(503);
    expect(fifth.headers.get("retry-after")).toBe("1");
    // Beyond what the sockets of both sides hold nothing is made.
    expect(told.pieces).toBeLessThan(100);
    expect(scheduled.map(({ delayMs }) => delayMs)).toEqual([10_000, 10_000, 10_000, 10_000]);
    for (const { task } of scheduled.slice(0, 4)) {
      task();
    }
    await eventually(async () => scheduled.every(({ isOff }) => isOff));
    const head = await fetch(url, { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(errors).toEqual([]);
    expect(sockets).toHaveLength(4);
  });

  test("stops when its reader leaves", async () => {
    const { pageFor } = endless();
    const { url, scheduled } = await serve({ pageFor });
    const controller = new AbortController();
    await fetch(url, { signal: controller.signal });
    controller.abort();
    await eventually(async () => scheduled[0]?.isOff === true);
    expect(scheduled).toHaveLength(1);
  });

  test("breaks off what cannot be made, and logs it", async () => {
    const { url, errors } = await serve({
      pageFor: () => ({
        contentType: "text/plain",
        pieces: (function* () {
          yield "a";
          throw new Error("no more");
        })(),
      }),
    });
    await expect(fetch(url).then((response) => response.text())).rejects.toThrow();
    expect(errors).toEqual(["error a page failed"]);
  });
});
