import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { configureEndpoint, routerClient, specOf } from "../../support/router-client.ts";

const MODEL = "openai/gpt-4o-mini";
const started: ChildProcess[] = [];
const folders: string[] = [];

afterEach(() => {
  for (const child of started.splice(0)) {
    child.kill("SIGKILL");
  }
  for (const folder of folders.splice(0)) {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Deleted after the test. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "atlas-"));
  folders.push(folder);
  return folder;
}

/** The `atlas` command as a process of its own. */
function atlas(...words: readonly string[]) {
  const child = spawn(process.execPath, ["src/main.ts", ...words], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {},
  });
  started.push(child);
  let output = "";
  const collect = (chunk: Buffer) => {
    output += chunk.toString();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = once(child, "exit").then(([code]) => code as number | null);
  return {
    child,
    exited,
    output: () => output,
    async printed(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) {
          return match;
        }
        await Promise.race([once(child.stdout, "data"), once(child.stderr, "data")]);
      }
    },
  };
}

function configFile(text: string): string {
  const path = join(makeFolder(), "atlas.yaml");
  writeFileSync(path, text);
  return path;
}

/** A certificate or key of the tests: server, server-key, client, client-key, ca. */
const pem = (name: string) =>
  fileURLToPath(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url));

const serveOnFreePorts = ["serve", "--grpc-port", "0", "--http-port", "0"];

describe("atlas serve", () => {
  test("drains on SIGTERM: it is not ready, streams finish, and it exits with 0", async () => {
    const router = atlas(...serveOnFreePorts);
    const [, grpc = ""] = await router.printed(/grpc:\/\/(\S+)/);
    const [, http = ""] = await router.printed(/ (http:\S+)\n {2}simulated/);
    const [, fleet = ""] = await router.printed(/fleet +(\S+)\/endpoints/);
    const slow = {
      firstTokenMs: { p50: 1, p95: 1 },
      tokensPerSecond: { p50: 100, p95: 100 },
      serverError: { rate: 0 },
    };
    await configureEndpoint(fleet, "openai/gpt-4o-mini", slow);
    const stream = routerClient(`http://${grpc}`).streamComplete({
      spec: specOf(MODEL, "echo: one two three four five six seven eight nine ten"),
      routing: { onlyProviders: ["openai"] },
    });
    const seen: string[] = [];
    let readyAfter = 200;
    for await (const { event } of stream) {
      seen.push(event.case ?? "");
      if (seen.length === 2) {
        router.child.kill("SIGTERM");
        await router.printed(/draining/);
        readyAfter = await fetch(`${http}/readyz`).then(
          (response) => response.status,
          () => 503,
        );
      }
    }
    expect(seen.at(-1)).toBe("finished");
    expect(readyAfter).toBe(503);
    expect(await router.exited).toBe(0);
  });

  test("does not wait when it is told twice", async () => {
    const router = atlas(...serveOnFreePorts);
    const [, grpc = ""] = await router.printed(/grpc:\/\/(\S+)/);
    const [, fleet = ""] = await router.printed(/fleet +(\S+)\/endpoints/);
    await configureEndpoint(fleet, "openai/gpt-4o-mini", { stallBeforeFirstToken: { rate: 1 } });
    const stream = routerClient(`http://${grpc}`).streamComplete({
      spec: specOf(MODEL),
      routing: { onlyProviders: ["openai"] },
    });
    const drained = (async () => {
      for await (const { event } of stream) {
        if (event.case === "started") {
          router.child.kill("SIGTERM");
          await router.printed(/draining/);
          router.child.kill("SIGTERM");
        }
      }
    })();
    await expect(drained).rejects.toMatchObject({ code: 14 });
    expect(await router.exited).toBe(0);
  });

  test("refuses a configuration with every problem at once, and exits with 2", async () => {
    const path = configFile(`
listen: { grpc: { port: 99999 } }
providers: { openai: { apiKey: "\${NOT_SET_ANYWHERE}" } }
limit: 1
`);
    const router = atlas("serve", "--config", path);
    expect(await router.exited).toBe(2);
    expect(router.output()).toContain("listen.grpc.port");
    expect(router.output()).toContain("providers.openai.apiKey");
    expect(router.output()).toContain("limit");
    expect(router.output()).not.toContain("at ");
  });

  test("says which ports are taken and what to do, in its own words, and exits with 2", async () => {
    const first = atlas(...serveOnFreePorts);
    const [, grpc = ""] = await first.printed(/grpc:\/\/127\.0\.0\.1:(\d+)/);
    const [, http = ""] = await first.printed(/ http:\/\/127\.0\.0\.1:(\d+)\n {2}simulated/);
    const second = atlas("serve", "--grpc-port", grpc, "--http-port", http);
    expect(await second.exited).toBe(2);
    const advice = "end the process that holds it, or choose another port (0 takes a free one)";
    expect(second.output()).toBe(
      `error: listen.grpc.port (--grpc-port): port ${grpc} of 127.0.0.1 is taken; ${advice}\n` +
        `  listen.http.port (--http-port): port ${http} of 127.0.0.1 is taken; ${advice}\n`,
    );
  });

  test("says that the port of the simulator is taken, and exits with 2", async () => {
    const first = atlas(...serveOnFreePorts);
    const [, port = ""] = await first.printed(/fleet +http:\/\/127\.0\.0\.1:(\d+)/);
    const path = configFile(`simulator: { controlPort: ${port} }`);
    const second = atlas(...serveOnFreePorts, "--config", path);
    expect(await second.exited).toBe(2);
    expect(second.output()).toMatch(
      new RegExp(
        `^error: simulator\\.controlPort: port ${port} of 127\\.0\\.0\\.1 is taken; .*\n$`,
      ),
    );
  });

  test("finds every problem of its certificates before it opens a port", async () => {
    const tls = (key: string) => `{ tls: { certFile: ${pem("server")}, keyFile: ${key} } }`;
    const path = configFile(
      `listen: { grpc: ${tls(pem("client-key"))}, http: ${tls("gone.pem")} }`,
    );
    const router = atlas(...serveOnFreePorts, "--config", path);
    expect(await router.exited).toBe(2);
    expect(router.output()).toContain(
      "listen.grpc.tls.keyFile: does not belong to the certificate",
    );
    expect(router.output()).toMatch(
      /listen\.http\.tls\.keyFile: cannot be read: there is no file .*gone/,
    );
  });

  test("serves with certificates that are named relative to the configuration", async () => {
    const path = configFile(
      "listen: { grpc: { tls: { certFile: server.pem, keyFile: server-key.pem } } }",
    );
    for (const name of ["server", "server-key"]) {
      copyFileSync(pem(name), join(dirname(path), `${name}.pem`));
    }
    const router = atlas(...serveOnFreePorts, "--config", path);
    await router.printed(/grpcs:\/\/127\.0\.0\.1:\d+/);
    copyFileSync(pem("client"), join(dirname(path), "server.pem"));
    copyFileSync(pem("client-key"), join(dirname(path), "server-key.pem"));
    router.child.kill("SIGHUP");
    const [line] = await router.printed(/.*only after a restart.*/);
    expect(JSON.parse(line).keys).toEqual(["listen.grpc.tls.certFile", "listen.grpc.tls.keyFile"]);
  });
});

describe("atlas serve with a configuration", () => {
  const OTHER = "policy: { ignoreProviders: [azure] }\n";
  const ADDED = `
catalog:
  endpoints:
    together/gpt-4o-mini: { model: ${MODEL}, provider: together, upstreamModel: x }
`;

  /** As editors do: another file takes the name. */
  function saveByRename(path: string, text: string): void {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  test("notices a good file after a bad one, both saved by rename", async () => {
    const path = configFile("");
    const router = atlas(...serveOnFreePorts, "--config", path);
    await router.printed(/Try:/);
    saveByRename(path, "nonsense: 1\n");
    await router.printed(/nothing was changed/);
    saveByRename(path, OTHER);
    await router.printed(/policy\.ignoreProviders.*settings reloaded/);
  });

  test("notices a file that was gone for a while", async () => {
    const path = configFile("");
    const router = atlas(...serveOnFreePorts, "--config", path);
    await router.printed(/Try:/);
    rmSync(path);
    await router.printed(/cannot be read/);
    writeFileSync(path, OTHER);
    await router.printed(/policy\.ignoreProviders.*settings reloaded/);
  });

  test("notices a mounted directory that changes by its link alone", async () => {
    const directory = makeFolder();
    const put = (version: string, text: string) => {
      mkdirSync(join(directory, version));
      writeFileSync(join(directory, version, "atlas.yaml"), text);
      symlinkSync(version, join(directory, "..new"));
      renameSync(join(directory, "..new"), join(directory, "..data"));
    };
    put("..1", "");
    symlinkSync(join("..data", "atlas.yaml"), join(directory, "atlas.yaml"));
    const router = atlas(...serveOnFreePorts, "--config", join(directory, "atlas.yaml"));
    await router.printed(/Try:/);
    put("..2", OTHER);
    await router.printed(/policy\.ignoreProviders.*settings reloaded/);
  });

  test("keeps a configuration from standard input on SIGHUP", async () => {
    const router = atlas(...serveOnFreePorts, "--config", "-");
    router.child.stdin.end(OTHER);
    await router.printed(/Try:/);
    router.child.kill("SIGHUP");
    const [line] = await router.printed(/.*settings reloaded.*/);
    expect(JSON.parse(line).changed).toEqual([]);
  });

  test("exits soon on SIGTERM after a reload that added a simulated endpoint", async () => {
    const path = configFile("");
    const router = atlas(...serveOnFreePorts, "--config", path);
    await router.printed(/Try:/);
    saveByRename(path, ADDED);
    await router.printed(/settings reloaded/);
    router.child.kill("SIGTERM");
    await router.printed(/drained/);
    expect(await Promise.race([router.exited, setTimeout(5_000, "still running")])).toBe(0);
  });
});

describe("atlas simulate", () => {
  test("serves providers until it is told to stop", async () => {
    const fleet = atlas("simulate", "--model", MODEL, "--time-scale", "0");
    const [, baseUrl = ""] = await fleet.printed(/openai\/gpt-4o-mini +openai-chat +\S+ +(\S+)/);
    await fleet.printed(/Ctrl-C/);
    const response = await fetch(`${baseUrl}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] }),
    });
    expect([200, 500]).toContain(response.status);
    fleet.child.kill("SIGINT");
    expect(await fleet.exited).toBe(0);
  });

  test("says that its control port is taken, and exits with 2", async () => {
    const first = atlas("simulate", "--model", MODEL);
    const [, port = ""] = await first.printed(/Control API: http:\/\/127\.0\.0\.1:(\d+)/);
    const second = atlas("simulate", "--model", MODEL, "--control-port", port);
    expect(await second.exited).toBe(2);
    expect(second.output()).toMatch(`error: --control-port: port ${port} of 127.0.0.1 is taken`);
  });
});
