// A store in etcd, which any number of processes of any number of machines have open at once.

import { NetworkError } from "../errors.ts";
import { Client } from "./etcd/client.ts";
import { Connection } from "./etcd/connection.ts";
import { storeError } from "./etcd/failures.ts";
import { format, Layout } from "./etcd/layout.ts";
import { checkedOptions, type EtcdStoreOptions } from "./etcd/options.ts";
import { EtcdStore } from "./etcd/store.ts";
import type { Store } from "./store.ts";

export type { EtcdStoreOptions, EtcdTlsOptions } from "./etcd/options.ts";

const operation = "openEtcdStore";

async function checkFormat(client: Client, prefix: string): Promise<void> {
  const found = await client.formatThere(operation);
  if (found === undefined || found === format) return;
  const reason = "what is below this prefix is not of this library";
  throw new NetworkError("STORE_CORRUPT", { operation, subject: prefix, reason });
}

/**
 * Opens a store in etcd 3.4 or newer, by its JSON gateway; it is there with the first commit.
 *
 * Any number of processes, on any number of machines, may have the same store open, and any number
 * of stores, and other users of etcd, share a cluster, each below a `prefix` of its own. A commit
 * resolves when the cluster has it: it survives what the cluster survives. The handle does not keep
 * the process alive; requests, and watches as long as somebody awaits them, do.
 *
 * Round trips: one for `get`, `commit` and `changes`, one for each few thousand entries of `list`,
 * two to open a lease. A handle has one watch of etcd for all of its watches, and asks every 5
 * seconds whether that is still alive.
 *
 * - **Revisions** are etcd's own: they begin anywhere, and others take some, too. Its user decides
 *   how long they are remembered (`etcd --auto-compaction-retention`; without it the database grows
 *   until etcd refuses to write): `changes` and `watch` are refused as `STORE_COMPACTED` for what is
 *   forgotten, and after etcd was put back to an older copy, or is another cluster.
 * - **Leases** of etcd live for whole seconds, two at least: keys of an owner that is gone may stay
 *   so much longer, counted up from `ttlMs`. The owner's own handle counts exactly, from before it
 *   asked, and so never believes in a lease that has ended. Time is counted anew after etcd was
 *   started, or elected another leader.
 * - **Failing servers.** What reads is repeated, with pauses, on all endpoints in turn until
 *   `requestTimeoutMs` is over; so is a commit that was certainly not made, because there was no
 *   connection or no leader. A commit whose answer did not come rejects with `STORE_FAILED`, and the
 *   message says that it may have been made. Watches wait as long as it takes, and go on where they
 *   were; they end if etcd has forgotten that, or lets us read no more.
 * - **A user** needs the rights to read and write from `prefix` to `prefix` and `"\x7f"`. etcd's
 *   gateway does not know who a client is by its certificate.
 * - **Hosts** are told apart by the `name` of their controllers, the machine's host name by default:
 *   it has to be another one on each machine.
 *
 * When it is opened, each endpoint is asked at most once.
 *
 * @throws {NetworkError} `STORE_FAILED` if no endpoint answers, and `cause` says what the last one met:
 *   no connection, no trust in its certificate, no leader.
 * @throws {NetworkError} `STORE_FORBIDDEN` if etcd does not take the user and password, wants some, or
 *   does not grant them the prefix.
 * @throws {NetworkError} `STORE_CORRUPT` if something else is below the prefix.
 */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<Store> {
  const checked = checkedOptions(options);
  const connection = await Connection.create(checked);
  const client = new Client(connection, new Layout(checked.prefix));
  try {
    await checkFormat(client, checked.prefix);
    return new EtcdStore(client, await client.begin(operation));
  } catch (error) {
    await connection.close();
    throw storeError(operation, error);
  }
}
