// A real etcd, started on the loopback of the tests' namespace, of which nothing is left.

import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openNamespace, setLink } from "../../lib/index.ts";
import { freePort, host, ServerProcess } from "./servers.ts";

/** Where a server has what it keeps, and what other members know it by. */
export interface EtcdPlace {
  readonly directory: string;
  readonly name: string;
  readonly peer: string;
}

/** A server of a cluster. */
export class EtcdServer extends ServerProcess {
  /** `"http://127.0.0.1:2379"` */
  readonly endpoint: string;
  readonly place: EtcdPlace;
  readonly #health: string;

  constructor(endpoint: string, place: EtcdPlace, health: string, args: readonly string[]) {
    super("etcd", args);
    this.endpoint = endpoint;
    this.place = place;
    this.#health = health;
  }

  protected async serves(): Promise<boolean> {
    const answer = await fetch(this.#health);
    return (await answer.text()).includes("true");
  }
}

/** How servers are started. */
export interface EtcdOptions {
  /** Of one cluster. Default: 1. */
  readonly members?: number;
  /** Further arguments of each. */
  readonly args?: readonly string[];
  /** Whether clients have to use TLS, for which `args` have the files. */
  readonly secure?: boolean;
}

/** A cluster. */
export interface Etcd {
  readonly servers: readonly EtcdServer[];
  /** The first of them. */
  readonly server: EtcdServer;
  readonly endpoints: readonly string[];
  /** Starts them anew with nothing, as another cluster. */
  empty(): Promise<void>;
  /** Kills them, and removes what they had. */
  end(): Promise<void>;
}

/** Starts servers, and waits until they serve. */
export async function startEtcd({
  members = 1,
  args = [],
  secure = false,
}: EtcdOptions = {}): Promise<Etcd> {
  await using here = await openNamespace();
  await setLink(here, { name: "lo" }, { up: true });
  const directory = await mkdtemp(join(tmpdir(), "vethwork-etcd-"));
  const places = [];
  for (let member = 0; member < members; member += 1) {
    const [client, peer, health] = [await freePort(), await freePort(), await freePort()];
    places.push({ name: `m${member}`, client, peer: `http://${host}:${peer}`, health });
  }
  const cluster = places.map(({ name, peer }) => `${name}=${peer}`).join(",");
  const servers = places.map(({ name, client, peer, health }) => {
    const endpoint = `${secure ? "https" : "http"}://${host}:${client}`;
    const line = {
      "--name": name,
      "--data-dir": join(directory, name),
      "--log-level": "error",
      "--listen-client-urls": endpoint,
      "--advertise-client-urls": endpoint,
      "--listen-peer-urls": peer,
      "--initial-advertise-peer-urls": peer,
      "--initial-cluster": cluster,
      "--listen-metrics-urls": `http://${host}:${health}`,
    };
    const all = [...Object.entries(line).flat(), ...args];
    const place = { directory: join(directory, name), name, peer };
    return new EtcdServer(endpoint, place, `http://${host}:${health}/health`, all);
  });
  const end = async () => {
    for (const server of servers) await server.kill();
    await rm(directory, { recursive: true, force: true });
  };
  const start = async () => {
    for (const server of servers) server.launch();
    await Promise.all(servers.map((server) => server.ready()));
  };
  const empty = async () => {
    await end();
    await start();
  };
  try {
    await start();
  } catch (error) {
    await end();
    throw error;
  }
  const [server] = servers;
  if (server === undefined) throw new RangeError("members: must be 1 at least");
  return { servers, server, endpoints: servers.map(({ endpoint }) => endpoint), empty, end };
}

/** What etcd's own client does, with the server's endpoint among its options. */
export async function etcdctl(server: EtcdServer, ...args: readonly string[]): Promise<string> {
  const env = { ...process.env, ETCDCTL_API: "3" };
  const line = ["--endpoints", server.endpoint, ...args];
  return (await promisify(execFile)("etcdctl", line, { env })).stdout;
}
