import type { Config } from "../config/config.ts";
import { describeChange } from "../config/describe-change.ts";
import type { Log } from "../domain/ports.ts";
import type { ServerWorld } from "./server-world.ts";
import { prepareServing, type Serving } from "./serving-state.ts";
import { loadSettings, type Settings } from "./settings.ts";

export type SettingsWatch = {
  readonly configFile: string | undefined;
  readonly world: ServerWorld;
  readonly log: Log;
  readonly initial: Settings;
  /** Adds what the command line says. */
  readonly complete: (fresh: Settings) => Settings;
  readonly current: () => Serving;
  readonly swap: (next: Serving) => void;
};

/**
 * Reloads on request and when a watched file changes: reads and checks everything, then swaps it in one
 * step. Settings with a problem change nothing.
 */
export function watchSettings(watch: SettingsWatch): { stop(): void } {
  const { world, log } = watch;
  let watched: readonly (() => void)[] = [];
  let running = Promise.resolve();
  let stopped = false;

  function follow(files: readonly string[]): void {
    for (const off of watched) {
      off();
    }
    watched = files.filter((file) => file !== "-").map((file) => watchOne(file));
  }

  function watchOne(file: string): () => void {
    try {
      return world.watchFile(file, ask);
    } catch (cause) {
      log("warn", "a file cannot be watched; SIGHUP reloads it", { file, cause });
      return () => undefined;
    }
  }

  /** One at a time, in order: a later reload must not be overtaken by an earlier one. */
  function ask(): void {
    running = running.then(async () => {
      const settings = stopped ? undefined : await reload(watch);
      if (settings !== undefined && !stopped) {
        follow(settings.files);
      }
    });
  }

  follow(watch.initial.files);
  const offReload = world.onReload(ask);
  return {
    stop() {
      stopped = true;
      offReload();
      follow([]);
    },
  };
}

/** The settings that took effect; absent when there was a problem. */
async function reload(watch: SettingsWatch): Promise<Settings | undefined> {
  const { world, log, current, swap } = watch;
  try {
    const loaded = await loadSettings(watch.configFile, world);
    if (!loaded.ok) {
      log("error", "the settings have problems; nothing was changed", {
        problems: loaded.problems,
      });
      return undefined;
    }
    const settings = watch.complete(loaded.settings);
    const before = current();
    const after = await prepareServing(settings, world.env, before);
    swap(after);
    reportChange(log, before.config, after);
    closeLater(before, after, watch);
    return settings;
  } catch (cause) {
    log("error", "the settings could not be reloaded; nothing was changed", { cause });
    return undefined;
  }
}

function reportChange(log: Log, before: Config, { config, catalog }: Serving): void {
  const { changed, needRestart } = describeChange(before, config);
  log("info", "settings reloaded", { catalogRevision: catalog.revision, changed });
  if (needRestart.length > 0) {
    log("warn", "some changes take effect only after a restart", { keys: needRestart });
  }
}

/** Calls in flight may still be with the fleet that is no longer used. */
function closeLater(before: Serving, after: Serving, { world, log }: SettingsWatch): void {
  const { fleet } = before;
  if (fleet !== undefined && fleet !== after.fleet) {
    world.schedule(before.config.timeouts.drainGraceMs, () => {
      fleet.close().catch((cause: unknown) => log("warn", "the fleet did not close", { cause }));
    });
  }
}
