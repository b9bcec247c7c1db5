// A real ZooKeeper, started on the loopback of the tests' namespace, of which nothing is left.

import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { openNamespace, setLink } from "../../lib/index.ts";
import { freePort, host, ServerProcess } from "./servers.ts";

/** Where Debian has it. */
export const jar = "/usr/share/java/zookeeper.jar";

const main = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

/**
 * Runs a program without what it has not been given: the package `zookeeper` leaves its sockets open for
 * programs, and as long as one has such a socket, a client that has lost it hears of that again and again.
 */
const bare = `for fd in /proc/self/fd/*; do
  fd=\${fd##*/}
  ((fd > 2)) && exec {fd}>&-
done
exec "$@"`;

/** Milliseconds; sessions live for two of them at least. */
const tick = 100;

/** A server of an ensemble. */
export class ZooKeeperServer extends ServerProcess {
  readonly #port: number;

  constructor(port: number, config: string) {
    const java = ["java", "-Xmx256m", "-Dzookeeper.forceSync=no", "-cp", jar, main, config];
    super("bash", ["-c", bare, "bash", ...java]);
    this.#port = port;
  }

  /** `"127.0.0.1:2181"` */
  get address(): string {
    return `${host}:${this.#port}`;
  }

  protected async serves(): Promise<boolean> {
    const socket = connect({ port: this.#port, host, timeout: 1000 });
    // While it starts, it takes questions that it never answers.
    socket.on("timeout", () => socket.destroy());
    await once(socket, "connect");
    socket.end("srvr");
    return (await text(socket)).includes("Mode:");
  }
}

async function childrenOf({ address }: ZooKeeperServer, path: string): Promise<string[]> {
  const { default: Client } = await import("zookeeper");
  const client = new Client({ connect: address, timeout: 5000, debug_level: 0 });
  const connected = once(client, "connect");
  client.init({});
  await connected;
  const names = await client.get_children(path, false);
  client.close();
  return names;
}

/** An ensemble. */
export interface ZooKeeper {
  readonly servers: readonly ZooKeeperServer[];
  /** The first of them. */
  readonly server: ZooKeeperServer;
  readonly addresses: readonly string[];
  /** The names of the nodes below a node, as ZooKeeper's own client in C says. */
  children(path: string): Promise<string[]>;
  /** Starts them anew with nothing, as another ensemble. */
  empty(): Promise<void>;
  /** Kills them, and removes what they had. */
  end(): Promise<void>;
}

/** Starts servers, and waits until they serve. */
export async function startZooKeeper(members = 1): Promise<ZooKeeper> {
  await using here = await openNamespace();
  await setLink(here, { name: "lo" }, { up: true });
  const directory = await mkdtemp(join(tmpdir(), "vethwork-zookeeper-"));
  const places: { member: number; client: number; quorum: string }[] = [];
  for (let member = 1; member <= members; member += 1) {
    const [client, peer, election] = [await freePort(), await freePort(), await freePort()];
    places.push({ member, client, quorum: `${host}:${peer}:${election}` });
  }
  const ensemble = places.map(({ member, quorum }) => `server.${member}=${quorum}`);
  const prepare = async () => {
    for (const { member, client } of places) {
      const data = join(directory, `${member}`);
      const lines = [
        ...[`tickTime=${tick}`, "initLimit=100", "syncLimit=50", `dataDir=${data}`],
        ...[`clientPort=${client}`, `clientPortAddress=${host}`, "maxClientCnxns=0"],
        ...["admin.enableServer=false", "4lw.commands.whitelist=srvr"],
        ...["maxSessionTimeout=60000", ...(members > 1 ? ensemble : [])],
      ];
      await mkdir(data, { recursive: true });
      await writeFile(join(data, "myid"), `${member}\n`);
      await writeFile(join(directory, `${member}.cfg`), `${lines.join("\n")}\n`);
    }
  };
  const servers = places.map(
    ({ member, client }) => new ZooKeeperServer(client, join(directory, `${member}.cfg`)),
  );
  const end = async () => {
    for (const server of servers) await server.kill();
    await rm(directory, { recursive: true, force: true });
  };
  const start = async () => {
    await prepare();
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
  const children = (path: string) => childrenOf(server, path);
  const addresses = servers.map(({ address }) => address);
  return { servers, server, addresses, children, empty, end };
}
