import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../support/free-port.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { callMany, configOf, expectEqualScores, held, startMembers } from "./use-fleet.ts";

const MAIN = new URL("../../../src/main.ts", import.meta.url).pathname;

type ScorerProcess = {
  readonly httpUrl: string;
  start(): void;
  end(signal: NodeJS.Signals): Promise<void>;
};

/** A scorer in a process of its own, which alone can be killed. Ends with the test. */
async function useScorerProcess(name: string, natsUrl: string): Promise<ScorerProcess> {
  const folder = mkdtempSync(join(tmpdir(), "atlas-scorer-"));
  const file = join(folder, "atlas.yaml");
  const [grpcPort, httpPort] = await Promise.all([freePort(), freePort()]);
  // What a process keeps is beside its configuration.
  const ports = `health: { snapshotFile: scores }\nlisten: { grpc: { port: ${grpcPort} }, http: { port: ${httpPort} } }`;
  writeFileSync(file, configOf({ name, role: "scorer", natsUrl, more: ports }));
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals) => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill(signal);
      await exited;
    }
  };
  onTestFinished(async () => {
    await end("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    httpUrl: `http://127.0.0.1:${httpPort}`,
    start() {
      child = spawn(process.execPath, [MAIN, "serve", "--config", file], { stdio: "ignore" });
    },
    end,
  };
}

type Scoring = { readonly leader: boolean; readonly caughtUp: boolean };

async function scoringOf({ httpUrl }: ScorerProcess): Promise<Scoring> {
  const response = await fetch(`${httpUrl}/readyz`);
  return ((await response.json()) as { readonly scorer: Scoring }).scorer;
}

await describeOnNats("a scorer that is killed in the middle of folding", (binary) => {
  test("loses nothing: the other goes on, and it agrees when it is back", async () => {
    const server = await useNatsServer(binary);
    const first = await useScorerProcess("one", server.url);
    const second = await useScorerProcess("two", server.url);
    first.start();
    const routers = await startMembers("router", ["A", "B", "C"], server.url);
    await held(15_000, async () => {
      expect(await scoringOf(first)).toMatchObject({ leader: true });
    });
    second.start();
    await held(15_000, async () => {
      expect(await scoringOf(second)).toMatchObject({ leader: false, caughtUp: true });
    });

    let calls = 0;
    const load = async (rounds: number) => {
      for (let round = 0; round < rounds; round += 1) {
        await Promise.all(routers.map((router) => callMany(router, 5)));
        calls += 5 * routers.length;
      }
    };
    await load(20);
    await Promise.all([first.end("SIGKILL"), load(20)]);
    // The lease has to lapse.
    await held(15_000, async () => {
      expect(await scoringOf(second)).toMatchObject({ leader: true });
    });
    await held(5_000, () => expectEqualScores(routers, calls));

    first.start();
    await held(15_000, async () => {
      expect(await scoringOf(first)).toMatchObject({ leader: false, caughtUp: true });
    });
    // What the restarted one publishes is what the other would have. Asked to end, it gives the lease back.
    await second.end("SIGTERM");
    await load(2);
    await held(15_000, async () => {
      expect(await scoringOf(first)).toMatchObject({ leader: true });
    });
    await held(5_000, () => expectEqualScores(routers, calls));
  }, 90_000);
});
