import type { Config } from "../config/config.ts";
import type { Problem } from "../decode/problems.ts";
import type { Log } from "../domain/ports.ts";
import { createLog } from "../telemetry/log.ts";
import { type AssembledRouter, assembleRouter } from "./assemble-router.ts";
import { assembleTelemetry } from "./assemble-telemetry.ts";
import { exitCodes } from "./cli-world.ts";
import { describeServing } from "./describe-serving.ts";
import { fleetProblems, withFleetOptions } from "./fleet-options.ts";
import { type Listeners, startListeners } from "./listeners.ts";
import { portProblem } from "./port-problem.ts";
import { watchSettings } from "./reload.ts";
import type { ServeOptions } from "./server-options.ts";
import type { ServerWorld } from "./server-world.ts";
import { createServingSource, type Serving, type ServingSource } from "./serving-state.ts";
import { loadSettings, type Settings } from "./settings.ts";
import { UsageProblem } from "./usage-problem.ts";

/**
 * Runs the router until it is told to stop, and then lets calls in flight finish.
 *
 * Rejects with a `UsageProblem` when the settings have problems or a port cannot be had.
 */
export async function serve(options: ServeOptions, world: ServerWorld): Promise<void> {
  const loaded = await loadSettings(options.configFile, world);
  if (!loaded.ok) {
    throw new UsageProblem(describeProblems(loaded.problems, options.configFile));
  }
  const settings = withOptions(loaded.settings, options);
  checkFleet(settings.config, options.configFile);
  const source = createServingSource(settings.config.simulator, world.env);
  const { connect, secrets } = source;
  const log = createLog({
    level: settings.config.log.level,
    write: world.stderr.write,
    secrets,
  });
  for (const { path, message } of settings.warnings) {
    log("warn", `${path}: ${message}`);
  }
  let serving = await source
    .prepare(settings)
    .catch((error: unknown) => refuse(fleetProblem(settings.config, error)));
  const telemetry = await assembleTelemetry({ serving: () => serving, connect, world, log });
  const assembled = assembleRouter({ serving: () => serving, connect, telemetry, world, log });
  const stop = stopSignal(world, log);
  // The first call is planned with the scores that were kept.
  await assembled.ready;
  let listeners: Listeners;
  try {
    listeners = await startListeners({
      serving: () => serving,
      assembled,
      tls: settings.tls,
      world,
      log,
    });
  } catch (error) {
    stop.off();
    await closeAll(assembled, source);
    return refuse(error);
  }
  const reloads = watchSettings({
    configFile: options.configFile,
    world,
    log,
    initial: settings,
    complete: (fresh) => withOptions(fresh, options),
    prepare: source.prepare,
    current: () => serving,
    swap(next) {
      serving = next;
      assembled.retain(next);
    },
  });
  world.stdout.write(describeServing(serving, listeners));
  await stop.asked;
  const reloadsEnded = reloads.stop();
  await drain(listeners, serving, { world, log, now: stop.askedAgain });
  stop.off();
  await reloadsEnded;
  await closeAll(assembled, source);
  world.setExitCode(exitCodes.ok);
}

/** The command line has the last word. */
function withOptions(settings: Settings, options: ServeOptions): Settings {
  const config = withFleetOptions(settings.config, options);
  const { grpc, http } = config.listen;
  return {
    ...settings,
    config: {
      ...config,
      listen: {
        grpc: { ...grpc, port: options.grpcPort ?? grpc.port },
        http: { ...http, port: options.httpPort ?? http.port },
      },
      log: { ...config.log, level: options.logLevel ?? config.log.level },
    },
  };
}

/** A bus or a role may come from either side, so they are looked at when both are known. */
function checkFleet(config: Config, configFile: string | undefined): void {
  const problems = fleetProblems(config);
  if (problems.length > 0) {
    throw new UsageProblem(describeProblems(problems, configFile));
  }
}

/** The first request to stop drains; a second one does not wait. */
function stopSignal(world: ServerWorld, log: Log) {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const off = world.onStop(() => {
    count += 1;
    log("info", count === 1 ? "draining" : "stopping at once");
    (count === 1 ? first : second).resolve();
  });
  return { asked: first.promise, askedAgain: second.promise, off };
}

type Draining = { readonly world: ServerWorld; readonly log: Log; readonly now: Promise<void> };

async function drain(
  listeners: Listeners,
  { config }: Serving,
  { world, log, now }: Draining,
): Promise<void> {
  const startedAtMs = world.nowMs();
  await Promise.race([
    listeners.drain(config.timeouts.drainGraceMs),
    now.then(() => listeners.drain(0)),
  ]);
  log("info", "drained", { tookMs: Math.round(world.nowMs() - startedAtMs) });
}

async function closeAll(assembled: AssembledRouter, source: ServingSource): Promise<void> {
  await assembled.close();
  await source.close();
}

/** The fleet opens ports too: one of them by choice of the operator. */
function fleetProblem({ simulator: { controlPort } }: Config, error: unknown): unknown {
  const wanted = { setting: "simulator.controlPort", host: "127.0.0.1", port: controlPort };
  return String(error).includes(`:${controlPort}`)
    ? new Error(portProblem(wanted, error), { cause: error })
    : error;
}

/** What keeps the router from starting is for the operator to mend, such as a port. */
function refuse(error: unknown): never {
  throw new UsageProblem(error instanceof Error ? error.message : String(error), { cause: error });
}

function describeProblems(problems: readonly Problem[], configFile: string | undefined): string {
  const lines = problems.map(({ path, message }) =>
    path === "" ? `${configFile}: ${message}` : `${path}: ${message}`,
  );
  const of = configFile === undefined ? "the settings" : configFile;
  return lines.length === 1
    ? lines.join("")
    : [`${lines.length} problems with ${of}`, ...lines].join("\n");
}
