import { parentPort } from "node:worker_threads";
import { answering, startProviders } from "./use-providers.ts";

/** A provider in a thread of its own: tells its address, then of each request, which it answers 200 ms later. */
const ANSWERS_AFTER_MS = 200;

const providers = await startProviders(() => (response, asked) => {
  parentPort?.postMessage("asked");
  setTimeout(() => answering()(response, asked), ANSWERS_AFTER_MS);
});
parentPort?.postMessage(providers.url);
