/**
 * `npm run test:clients`: runs every client against a live router with a simulated fleet, and tells
 * the results in a closing line of its own. A client that cannot run here is skipped, loudly; with
 * CI=true a skip fails when the machine has the client's language.
 */

import type { Command } from "./command.ts";
import { runCommand } from "./command.ts";
import { type LiveRouter, startLiveRouter } from "./live-router.ts";
import { type Client, clients, SkippedError } from "./toolchains.ts";

type Tally = { passed: number; failed: number; skipped: number; readonly skips: string[] };

/** All checks of a client take a few seconds; one call at most a minute. */
const CLIENT_TIMEOUT_MS = 3 * 60_000;

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
}

const tally: Tally = { passed: 0, failed: 0, skipped: 0, skips: [] };
const router = await startLiveRouter(stop.signal);
try {
  console.log(`router: gRPC on ${router.grpcAddress}, HTTP on ${router.httpUrl}`);
  for (const client of clients) {
    await testClient(client, router);
  }
} finally {
  await router.stop();
}
for (const skip of tally.skips) {
  console.log(skip);
}
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
process.exitCode = tally.failed === 0 ? 0 : 1;

async function testClient(client: Client, { grpcAddress, httpUrl }: LiveRouter): Promise<void> {
  console.log(`\n${client.name}`);
  const startMs = performance.now();
  try {
    const command = await client.prepare(stop.signal);
    const preparedMs = performance.now();
    const env = { ...command.env, ATLAS_GRPC: grpcAddress, ATLAS_HTTP: httpUrl };
    await runChecks(client, { ...command, env });
    const seconds = [preparedMs - startMs, performance.now() - preparedMs].map(inSeconds);
    console.log(`  prepared in ${seconds[0]} s, ran for ${seconds[1]} s`);
  } catch (error) {
    stop.signal.throwIfAborted();
    countUnrun(client, error);
  }
}

async function runChecks({ checks }: Client, command: Command): Promise<void> {
  const limits = { timeoutMs: CLIENT_TIMEOUT_MS, stop: stop.signal };
  const { exitCode, output } = await runCommand(command, limits);
  console.log(output.trimEnd().replaceAll(/^/gm, "  "));
  const passed = output.match(/^ok /gm)?.length ?? 0;
  const failed = output.match(/^FAILED /gm)?.length ?? 0;
  tally.passed += passed;
  // A check without a line has not been made.
  tally.failed += failed + Math.max(0, checks - passed - failed);
  if (passed + failed !== checks || (exitCode === 0) !== (failed === 0)) {
    const code = exitCode ?? "a signal";
    console.log(`  FAILED: told of ${passed + failed} of ${checks} checks and ended with ${code}`);
    tally.failed += passed + failed >= checks ? 1 : 0;
  }
}

function countUnrun({ name, checks }: Client, error: unknown): void {
  if (!(error instanceof SkippedError)) {
    console.log(`  FAILED: ${error instanceof Error ? error.message : String(error)}`);
    tally.failed += checks;
    return;
  }
  const line = `SKIPPED ${name.toUpperCase()} (${checks} CHECKS): ${error.message.toUpperCase()}`;
  console.log(`  ${line}`);
  if (process.env["CI"] === "true" && error.hasToolchain) {
    tally.failed += checks;
    tally.skips.push(`${line}; A FAILURE, BECAUSE THIS IS CI AND THE LANGUAGE IS HERE`);
  } else {
    tally.skipped += checks;
    tally.skips.push(line);
  }
}

function inSeconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
