import type { Config } from "../config/config.ts";
import { describeChange } from "../config/describe-change.ts";
import type { Log } from "../domain/ports.ts";
import { changedTlsFiles } from "./read-tls.ts";
import type { ServerWorld } from "./server-world.ts";
import type { Serving } from "./serving-state.ts";
import { loadSettings, type Settings } from "./settings.ts";

export type SettingsWatch = {
  readonly configFile: string | undefined;
  readonly world: ServerWorld;
  readonly log: Log;
  /** What the process started with, the command line included. */
  readonly initial: Settings;
  /** Adds what the command line says. */
  readonly complete: (fresh: Settings) => Settings;
  readonly prepare: (settings: Settings) => Promise<Serving>;
  readonly current: () => Serving;
  readonly swap: (next: Serving) => void;
};

export type SettingsWatcher = {
  /** From the call on nothing is swapped any more; resolves when no reload runs. */
  stop(): Promise<void>;
};

/** Editors and orchestrators change files in several steps, and several files at a time. */
const SETTLE_MS = 100;

/**
 * Reloads on request and when a watched file changes: reads and checks everything, then swaps it in one
 * step. Settings with a problem change nothing.
 */
export function watchSettings(watch: SettingsWatch): SettingsWatcher {
  const { world, log } = watch;
  const state = { stopped: false };
  let unfollow = follow(watch.initial.files);
  let cancelSettling = () => {};
  let running = Promise.resolve();

  function follow(files: readonly string[]): () => void {
    const offs = files.filter((file) => file !== "-").map(watchOne);
    return () => {
      for (const off of offs) {
        off();
      }
    };
  }

  function watchOne(file: string): () => void {
    try {
      return world.watchFile(file, changed);
    } catch (cause) {
      log("warn", "a file cannot be watched; SIGHUP reloads it", { file, cause });
      return () => undefined;
    }
  }

  /** The wait belongs to no file, so that following anew loses no change. */
  function changed(): void {
    cancelSettling();
    cancelSettling = world.schedule(SETTLE_MS, ask);
  }

  /** One at a time, in order: a later reload must not be overtaken by an earlier one. */
  function ask(): void {
    running = running.then(async () => {
      const files = state.stopped ? undefined : await reload(watch, state);
      if (files !== undefined && !state.stopped) {
        // The new watches first: between the old and the new ones a change would go unseen.
        const before = unfollow;
        unfollow = follow(files);
        before();
      }
    });
  }

  const offReload = world.onReload(ask);
  return {
    async stop() {
      state.stopped = true;
      offReload();
      unfollow();
      cancelSettling();
      await running;
    },
  };
}

/** The files to watch from now on; absent when they are not known. */
async function reload(
  watch: SettingsWatch,
  state: { readonly stopped: boolean },
): Promise<readonly string[] | undefined> {
  const { world, log, current, prepare, swap } = watch;
  try {
    const loaded = await loadSettings(watch.configFile, world);
    if (!loaded.ok) {
      log("error", "the settings have problems; nothing was changed", {
        problems: loaded.problems,
      });
      return loaded.files;
    }
    const before = current();
    const after = await prepare(watch.complete(loaded.settings));
    if (!state.stopped) {
      swap(after);
      reportChange(log, {
        initial: watch.initial,
        before: before.config,
        fresh: loaded.settings,
        after,
      });
    }
    return loaded.settings.files;
  } catch (cause) {
    log("error", "the settings could not be reloaded; nothing was changed", { cause });
    return undefined;
  }
}

type Versions = {
  readonly initial: Settings;
  readonly before: Config;
  readonly fresh: Settings;
  readonly after: Serving;
};

function reportChange(log: Log, { initial, before, fresh, after }: Versions): void {
  const { config, catalog } = after;
  const { changed, needRestart } = describeChange({
    started: initial.config,
    before,
    after: config,
  });
  const { revision: catalogRevision, priceVersion } = catalog;
  log("info", "settings reloaded", { catalogRevision, priceVersion, changed });
  const keys = [...new Set([...needRestart, ...changedTlsFiles(initial.tls, fresh.tls)])];
  if (keys.length > 0) {
    log("warn", "some changes take effect only after a restart", { keys });
  }
  for (const { path, message } of fresh.warnings) {
    log("warn", `${path}: ${message}`);
  }
}
