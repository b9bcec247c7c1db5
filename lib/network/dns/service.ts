// The names of one sandbox, served inside it at 127.0.0.11.

import type { Server } from "node:net";
import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { listen } from "../../inside/listen.ts";
import { bindUdp } from "../../inside/udp.ts";
import { Namespace } from "../../rtnl/namespace.ts";
import { Forwarder } from "./forward.ts";
import { checkEach } from "./name.ts";
import { checkNameserver, isHostOnly } from "./resolv-conf.ts";
import { openDnsServer } from "./server.ts";
import { View } from "./view.ts";

/** A name server that knows what the sandbox's networks do not. */
export interface ServiceUpstream {
  /** An IP address; a link-local one as `"fe80::1%eth0"`. */
  readonly address: string;
  /** Default: 53. */
  readonly port?: number;
  /** Whose routes lead there. */
  readonly from: "sandbox" | "host";
}

/** What a service is made of. */
export interface NameServiceOptions {
  /** Where it serves, to be reached once its `lo` is up. */
  readonly sandbox: Namespace;
  /** From where upstreams are asked that only the host reaches. */
  readonly host: Namespace;
  /** The names that it answers itself. */
  readonly view: View;
}

/**
 * Serves names inside a sandbox at 127.0.0.11: UDP and TCP on two ports that the kernel chooses. The
 * sockets are ordinary ones, so an open service keeps the process alive, and it goes on without the
 * handles of the namespaces but for what it forwards.
 */
export interface NameService extends AsyncDisposable {
  /** Where 127.0.0.11:53 is to be redirected to, address and all. */
  readonly ports: { readonly udp: number; readonly tcp: number };
  /**
   * Whom to ask for names that no zone has, from now on, in this order; of more than three the first
   * three. None, as at first and for internal networks: such questions fail at once (SERVFAIL),
   * those that wait included.
   *
   * Sockets are opened for a question when it is forwarded, and closed when it is answered.
   *
   * @throws {RangeError} `ERR_OUT_OF_RANGE` if an address is no IP address, or a port none; nothing
   *   is changed then.
   */
  setUpstreams(upstreams: readonly ServiceUpstream[]): void;
  /** Closes the sockets, connections too, and gives up what waits. Closing again is no error. */
  close(): Promise<void>;
}

/** Docker's, on the loopback link of every sandbox. */
export const serviceAddress = "127.0.0.11";

/**
 * The name servers of the host's resolv.conf, or those that a user names instead, as upstreams: from
 * the host if only it can ask them, which holds for loopback addresses and those with a zone;
 * otherwise from the sandbox.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if one is no IP address.
 */
export function upstreamsOf(nameservers: readonly string[]): ServiceUpstream[] {
  const addresses = checkEach(nameservers, "nameservers", checkNameserver);
  return addresses.map((address) => ({ address, from: isHostOnly(address) ? "host" : "sandbox" }));
}

/** Both sockets or none. */
async function openSockets(sandbox: Namespace) {
  const [udp, tcp] = await Promise.allSettled([
    bindUdp(sandbox, { address: serviceAddress }),
    listen(sandbox, { host: serviceAddress, port: 0 }),
  ]);
  if (udp.status === "fulfilled" && tcp.status === "fulfilled") {
    return { udp: udp.value, tcp: tcp.value };
  }
  if (udp.status === "fulfilled") udp.value.close();
  if (tcp.status === "fulfilled") tcp.value.close();
  throw udp.status === "rejected" ? udp.reason : (tcp as PromiseRejectedResult).reason;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("it does not listen");
  return address.port;
}

function check(options: NameServiceOptions): void {
  refuseUnknown("options", options, ["sandbox", "host", "view"]);
  const { sandbox, host, view } = options;
  for (const [property, value] of Object.entries({ sandbox, host })) {
    if (!(value instanceof Namespace)) {
      throw invalidArgument("type", property, "must be a Namespace");
    }
  }
  if (!(view instanceof View)) throw invalidArgument("type", "view", "must be a View");
}

/**
 * Begins to serve a sandbox's names, as Docker does: those of the view, and by way of upstreams all
 * others. See {@link openDnsServer} for what is answered how. It changes no rules of netfilter: who
 * opens it redirects 127.0.0.11:53 to its ports.
 *
 * @throws {SystemError} `EMFILE` if the process has too many open descriptors.
 * @throws {TypeError} `ERR_NAMESPACE_CLOSED` if the sandbox's handle was closed;
 *   `ERR_INVALID_ARG_TYPE` if an option is missing, unknown or of the wrong type.
 */
export async function openNameService(options: NameServiceOptions): Promise<NameService> {
  check(options);
  const { sandbox, host, view } = options;
  const { udp, tcp } = await openSockets(sandbox);
  const ports = { udp: udp.address().port, tcp: portOf(tcp) };
  const forwarder = new Forwarder();
  const server = openDnsServer({ udp, tcp, view, forwarder });
  const from = { sandbox, host };
  return {
    ports,
    setUpstreams: (upstreams) => {
      if (!Array.isArray(upstreams)) {
        throw invalidArgument("type", "upstreams", "must be an array");
      }
      const servers = upstreams.map((upstream: ServiceUpstream, n) => {
        const path = `upstreams[${n}]`;
        refuseUnknown(path, upstream, ["address", "port", "from"], `${path}.`);
        const { from: place, ...rest } = upstream;
        if (place !== "sandbox" && place !== "host") {
          throw invalidArgument("range", `${path}.from`, 'must be "sandbox" or "host"');
        }
        return { ...rest, namespace: from[place] };
      });
      forwarder.setUpstreams(servers);
    },
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}
