// A store in ZooKeeper, which any number of processes of any number of machines have open at once.

import type { Store } from "./store.ts";
import { checkedOptions, type ZooKeeperStoreOptions } from "./zookeeper/options.ts";
import { loadZooKeeper } from "./zookeeper/package.ts";
import { ZooKeeperStore } from "./zookeeper/store.ts";

export type { ZooKeeperStoreOptions } from "./zookeeper/options.ts";

const operation = "openZooKeeperStore";

/**
 * Opens a store in ZooKeeper 3.5 or newer, by the package `zookeeper`, which is to be installed besides;
 * the store is made if it is not there.
 *
 * Any number of processes, on any number of machines, may have the same store open, and any number of
 * stores, and other users of ZooKeeper, share an ensemble, each below a `path` of its own. A commit
 * resolves when the ensemble has it: it survives what the ensemble survives.
 *
 * ZooKeeper keeps what was written as a chain of records, of which each takes the place of the last one
 * if that is still the last; every handle has all entries in memory, and follows the chain. So a store
 * may be as large as a plan is, some megabytes, and reading it costs one round trip, to learn whether
 * there is more; a commit costs one, and those that are asked for meanwhile go together in the next.
 * Every thousand records one process writes down what came of them.
 *
 * - **Revisions** count the store's commits, from 1. The last 10,000 are remembered. After 2^31 records
 *   ZooKeeper can count no further, and the store has to be made anew.
 * - **Leases** are sessions of ZooKeeper: connections of their own, which it ends when it has heard
 *   nothing for `ttlMs`, but not for less than two of its ticks (`minSessionTimeout`, 4 seconds unless it
 *   is configured otherwise): keys of an owner that is gone may stay so long. If it does not want to wait
 *   for `ttlMs` (`maxSessionTimeout`, 40 seconds), the handle goes by its time. The keys go when a
 *   process that has the store open hears of the end, or by the next that opens it. Each takes one of
 *   the connections that a server grants to a host (`maxClientCnxns`, 60), and so does each store.
 * - **Failing servers.** Everything is repeated, with pauses, until `requestTimeoutMs` is over. A commit
 *   is made once all the same: whether it was is found out by reading the chain. Only if that cannot be
 *   done in time, it rejects with `STORE_FAILED`, and the message says that it may have been made.
 *   Watches wait as long as it takes, and go on where they were.
 * - **Programs** that the process starts get the package's connections along, as it does not have them closed.
 *   As long as such a program runs, a handle that loses the connection, because its server ends for
 *   example, may be too busy with it to find another server. Start programs from another process, or by
 *   something that closes what it was not given.
 * - **No users, no TLS**: the package has them not. Whoever reaches the servers can write the store.
 * - **The process** is kept alive by an open store, and by its leases, until they are closed.
 *
 * @throws {NetworkError} `STORE_UNAVAILABLE` if the package `zookeeper` does not load.
 * @throws {NetworkError} `STORE_FAILED` if no server answers in time.
 * @throws {NetworkError} `STORE_CORRUPT` if something else is below the path.
 */
export async function openZooKeeperStore(options: ZooKeeperStoreOptions): Promise<Store> {
  const checked = checkedOptions(options);
  const store = new ZooKeeperStore(await loadZooKeeper(operation), checked);
  try {
    await store.begin(operation);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}
