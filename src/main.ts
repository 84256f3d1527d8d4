#!/usr/bin/env node
import { randomUUID } from "node:crypto";
import { realpathSync, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname } from "node:path";
import { buffer } from "node:stream/consumers";
import { type CliWorld, exitCodes, type Output } from "./cli/cli-world.ts";
import { interruptedEarly } from "./cli/interrupted-early.ts";
import { watchLoop } from "./cli/loop-watch.ts";
import { watchProcess } from "./cli/process-watch.ts";
import type { ServerWorld } from "./cli/server-world.ts";
import { createSlewedClock } from "./cli/slewed-clock.ts";

/**
 * The world as the rest of the program sees it. Everything else takes what it needs as arguments.
 *
 * Commands are loaded when they are asked for: a client's do not wait for the server's, and an
 * interrupt is answered from the start.
 */

const argv = process.argv.slice(2);

process.on("SIGINT", () => {
  // A command that listens itself knows better what there is to cancel.
  if (process.listenerCount("SIGINT") === 1) {
    process.stderr.write(interruptedEarly(argv));
    process.exit(exitCodes.interrupted);
  }
});

const packageFile = new URL("../package.json", import.meta.url);
const { version }: { readonly version: string } = JSON.parse(await readFile(packageFile, "utf8"));

function outputOf(stream: NodeJS.WriteStream): Output {
  // A reader that has gone away, as in `atlas models | head -1`, is no reason to fail.
  stream.on("error", () => undefined);
  return {
    write: (text) => {
      stream.write(text);
    },
    isTerminal: stream.isTTY === true,
    columns: stream.isTTY === true ? stream.columns : undefined,
  };
}

function onSignal(signal: NodeJS.Signals, listener: () => void): () => void {
  process.on(signal, listener);
  return () => {
    process.off(signal, listener);
  };
}

/**
 * Watches directories and not the file: editors write another file and give it the name, which a watch
 * of the file would follow into oblivion. A mounted ConfigMap changes by its link `..data` alone; what
 * other links lead to is watched where it is.
 */
function watchFile(path: string, listener: () => void): () => void {
  const watchers = [...new Set([path, targetOf(path)])].map((place) => {
    const name = basename(place);
    const watcher = watch(dirname(place), { persistent: false }, (_, changed) => {
      if (changed === null || changed === name || changed === "..data") {
        listener();
      }
    });
    return watcher.on("error", () => undefined);
  });
  return () => {
    for (const watcher of watchers) {
      watcher.close();
    }
  };
}

/** The file behind a link; the path itself while there is none. */
function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

let standardInput: Promise<Buffer> | undefined;

/** Standard input can be read only once, and a reload asks for it again. */
function read(path: string): Promise<Uint8Array> {
  if (path !== "-") {
    return readFile(path);
  }
  standardInput ??= buffer(process.stdin);
  return standardInput;
}

function schedule(delayMs: number, task: () => void): () => void {
  // Longer than a timer can count: it would fire at once.
  const timer = setTimeout(task, Math.min(delayMs, 2 ** 31 - 1));
  return () => {
    clearTimeout(timer);
  };
}

/** A reader of the log that has stopped must not fill the memory of the router. */
const MAX_UNREAD_LOG_BYTES = 8 * 1024 * 1024;

function logOutputOf(stream: NodeJS.WriteStream): Output {
  const output = outputOf(stream);
  let dropped = 0;
  return {
    ...output,
    write(text) {
      if (stream.writableLength > MAX_UNREAD_LOG_BYTES) {
        dropped += 1;
        return;
      }
      if (dropped > 0) {
        const msg = "log lines were dropped, because nobody read them";
        output.write(`${JSON.stringify({ level: "warn", dropped, msg })}\n`);
        dropped = 0;
      }
      output.write(text);
    },
  };
}

const clock = createSlewedClock({
  monotonicMs: () => performance.now(),
  wallMs: Date.now,
  originMs: performance.timeOrigin,
});
setInterval(clock.follow, 1_000).unref();
const { nowMs } = clock;
const stdout = outputOf(process.stdout);
const stderr = outputOf(process.stderr);

const serverWorld: ServerWorld = {
  version,
  env: process.env,
  stdout,
  stderr: logOutputOf(process.stderr),
  readFile: read,
  watchFile,
  onReload: (listener) => onSignal("SIGHUP", listener),
  onStop(listener) {
    const offs = [onSignal("SIGTERM", listener), onSignal("SIGINT", listener)];
    return () => {
      for (const off of offs) {
        off();
      }
    };
  },
  setExitCode(code) {
    process.exitCode = code;
  },
  nowMs,
  schedule,
  random: Math.random,
  newId: randomUUID,
  watchProcess,
  watchLoop,
  processName: `${hostname().slice(0, 50)}:${process.pid}`,
};

const world: CliWorld = {
  version,
  env: process.env,
  stdout,
  stderr,
  onInterrupt: (listener) => onSignal("SIGINT", listener),
  setExitCode(code) {
    process.exitCode = code;
  },
  readFile: read,
  nowMs,
  async serve(options) {
    const { serve } = await import("./cli/serve.ts");
    await serve(options, serverWorld);
  },
  async simulate(options) {
    const { simulate } = await import("./cli/simulate.ts");
    await simulate(options, serverWorld);
  },
};

const { runAtlas } = await import("./cli/program.ts");
await runAtlas(world, argv);

/** Whatever still hangs then, such as an export to a collector that does not answer, is not waited for. */
const LAST_WORDS_MS = 1_000;
setTimeout(() => process.exit(), LAST_WORDS_MS).unref();
