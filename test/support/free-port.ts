import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below the ports that systems hand out by themselves: from 32,768 on Linux, from 49,152 elsewhere. Whoever
 * asks for any port, and every connection that is made, leaves these alone.
 */
const FIRST_PORT = 20_000;
const END_PORT = 32_000;

const given = new Set<number>();

/**
 * A port of 127.0.0.1 that nobody listens on, and that nobody gets by chance before its owner listens on it,
 * or while its owner restarts.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, END_PORT);
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false;
  }
  server.close();
  await once(server, "close");
  return true;
}
