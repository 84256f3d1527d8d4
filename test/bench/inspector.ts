/**
 * Node's debugger, as far as benches need it: it collects garbage and samples a process that knows
 * nothing of either. https://chromedevtools.github.io/devtools-protocol/
 */
export type Inspector = {
  collectGarbage(): Promise<void>;
  /** Bytes of living JavaScript objects and of their buffers. */
  memory(): Promise<{ readonly heapBytes: number; readonly externalBytes: number }>;
  startProfile(): Promise<void>;
  stopProfile(): Promise<CpuProfile>;
  close(): void;
};

export type CpuProfile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  /** Node of each sample. */
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
};

type Answer = {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
};

const SAMPLING_INTERVAL_US = 200;

/** `port` is that of `--inspect`. */
export async function openInspector(port: number): Promise<Inspector> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const socket = new WebSocket(webSocketUrlOf(targets));
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const opened = Promise.withResolvers<void>();
  socket.addEventListener("open", () => opened.resolve());
  socket.addEventListener("error", () => opened.reject(new Error("no debugger is listening")));
  socket.addEventListener("message", ({ data }) => {
    // Notifications have no id and nobody waiting.
    const { id, result, error }: Answer = JSON.parse(String(data));
    if (error === undefined) {
      waiting.get(id)?.resolve(result);
    } else {
      waiting.get(id)?.reject(new Error(error.message));
    }
    waiting.delete(id);
  });
  await opened.promise;
  let lastId = 0;
  // What comes back is fixed by the protocol, method by method.
  function ask<Result>(method: string, parameters: object = {}): Promise<Result> {
    lastId += 1;
    const answer = Promise.withResolvers<unknown>();
    waiting.set(lastId, answer);
    socket.send(JSON.stringify({ id: lastId, method, params: parameters }));
    return answer.promise as Promise<Result>;
  }
  return {
    async collectGarbage() {
      // The second one takes what finalizers of the first let go.
      await ask("HeapProfiler.collectGarbage");
      await ask("HeapProfiler.collectGarbage");
    },
    async memory() {
      const usage = await ask<{ usedSize: number; backingStorageSize?: number }>(
        "Runtime.getHeapUsage",
      );
      return { heapBytes: usage.usedSize, externalBytes: usage.backingStorageSize ?? 0 };
    },
    async startProfile() {
      await ask("Profiler.enable");
      await ask("Profiler.setSamplingInterval", { interval: SAMPLING_INTERVAL_US });
      await ask("Profiler.start");
    },
    stopProfile: async () => (await ask<{ profile: CpuProfile }>("Profiler.stop")).profile,
    close: () => socket.close(),
  };
}

function webSocketUrlOf(targets: unknown): string {
  const [first]: readonly { readonly webSocketDebuggerUrl?: string }[] = Array.isArray(targets)
    ? targets
    : [];
  if (first?.webSocketDebuggerUrl === undefined) {
    throw new Error("no debugger is listening");
  }
  return first.webSocketDebuggerUrl;
}
