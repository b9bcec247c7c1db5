// The store that commands keep the plan in: a directory, etcd, or ZooKeeper.

import { readFile } from "node:fs/promises";
import {
  type EtcdTlsOptions,
  openEtcdStore,
  openLmdbStore,
  openZooKeeperStore,
  type Store,
} from "../network/index.ts";
import { UsageError } from "./command.ts";

const defaultDirectory = "/var/lib/vethwork";

/** What the environment says of a store, which is not for the lists of processes. */
const variable = (name: string) => process.env[`VETHWORK_STORE_${name}`] || undefined;

/** Whether other machines may have the same store. */
export function isShared(store: string | undefined): boolean {
  return store?.includes("://") ?? false;
}

function endpointsOf(store: string): string[] {
  return store.split(",").map((endpoint) => {
    if (!/^(https?|etcds?):\/\/[^/@]+(\/[^@]*)?$/.test(endpoint)) {
      const rule = "must be URLs, with http, https, etcd, etcds or zookeeper, and no user";
      throw new UsageError(
        `--store ${JSON.stringify(endpoint.replace(/\/\/.*@/, "//…@"))} ${rule}`,
      );
    }
    return endpoint.replace(/^etcd/, "http");
  });
}

async function tlsByEnvironment(): Promise<EtcdTlsOptions> {
  const files = ["CA", "CERT", "KEY"].map(async (name) => {
    const path = variable(name);
    return path === undefined ? [] : [[name.toLowerCase(), await readFile(path)]];
  });
  return Object.fromEntries((await Promise.all(files)).flat());
}

/** Servers, with commas between, and the path that follows the last of them. */
async function openZooKeeper(store: string): Promise<Store> {
  const [, servers, path] = /^zookeeper:\/\/([^/@]+:\d+)(\/.+)?$/.exec(store) ?? [];
  if (servers === undefined) {
    const rule = "must be hosts with ports, with commas between, and a path";
    throw new UsageError(`--store ${JSON.stringify(store.replace(/\/\/.*@/, "//…@"))} ${rule}`);
  }
  const below = path === undefined ? {} : { path };
  return await openZooKeeperStore({ servers: servers.split(","), ...below });
}

async function openShared(store: string): Promise<Store> {
  if (store.startsWith("zookeeper://")) return await openZooKeeper(store);
  const endpoints = endpointsOf(store);
  const [user, password] = [variable("USER"), variable("PASSWORD")];
  if ((user === undefined) !== (password === undefined)) {
    throw new UsageError("VETHWORK_STORE_USER and VETHWORK_STORE_PASSWORD go together");
  }
  const credentials = user === undefined || password === undefined ? {} : { user, password };
  return await openEtcdStore({ endpoints, ...credentials, tls: await tlsByEnvironment() });
}

/** Opens the store that an option means. */
export async function openStore(store: string | undefined): Promise<Store> {
  if (store !== undefined && isShared(store)) return await openShared(store);
  return await openLmdbStore({ directory: store ?? defaultDirectory });
}
