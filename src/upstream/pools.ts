import { Pool } from "undici";

export type PoolOptions = {
  /** Milliseconds from the first packet to an open, encrypted connection. */
  readonly connectTimeoutMs: number;
  /** Further requests wait for a free connection, under the clocks of their attempt. */
  readonly maxConnectionsPerOrigin: number;
  /** Origins with a pool at a time; one more closes the pool that was asked for the longest ago. */
  readonly maxOrigins: number;
  /** How long an idle connection is kept where the server does not say. */
  readonly keepAliveMs: number;
};

/** One pool of connections per origin. */
export type Pools = {
  of(origin: string): Pool;
  /** Breaks every connection. */
  close(): Promise<void>;
};

type UsedPool = {
  readonly pool: Pool;
  /** Number of the last request for it, counted over all origins. */
  lastUse: number;
};

/**
 * HTTP/1.1 on purpose: one stalled or reset connection then takes one call with it and not a hundred,
 * and giving up a call frees the server at once.
 */
export function createPools(options: PoolOptions): Pools {
  const pools = new Map<string, UsedPool>();
  let uses = 0;
  let closed = false;
  return {
    of(origin) {
      uses += 1;
      const known = pools.get(origin);
      if (known !== undefined) {
        known.lastUse = uses;
        return known.pool;
      }
      const pool = createPool(origin, options);
      if (closed) {
        // A destroyed pool refuses the request in the usual way.
        void pool.destroy();
        return pool;
      }
      evictLeastRecent(pools, options.maxOrigins);
      pools.set(origin, { pool, lastUse: uses });
      return pool;
    },
    async close() {
      closed = true;
      const open = [...pools.values()];
      pools.clear();
      await Promise.all(open.map(({ pool }) => pool.destroy()));
    },
  };
}

function createPool(origin: string, options: PoolOptions): Pool {
  return new Pool(origin, {
    connections: options.maxConnectionsPerOrigin,
    pipelining: 1,
    allowH2: false,
    connectTimeout: options.connectTimeoutMs,
    keepAliveTimeout: options.keepAliveMs,
    // The attempt runs the clocks; a second set would only disagree with it.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
}

/**
 * Calls that run in it are finished first.
 *
 * A scan for each origin too many, so that a call to a known one costs no more than writing a number.
 */
function evictLeastRecent(pools: Map<string, UsedPool>, maxOrigins: number): void {
  if (pools.size < maxOrigins) {
    return;
  }
  const [first, ...others] = pools;
  if (first !== undefined) {
    const [origin, { pool }] = others.reduce(
      (least, entry) => (entry[1].lastUse < least[1].lastUse ? entry : least),
      first,
    );
    pools.delete(origin);
    void pool.close();
  }
}
