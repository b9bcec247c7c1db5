// Which ports of the host are published: what is asked for, and what is free.

import { isIPv6 } from "node:net";
import { invalidArgument, refuseUnknown } from "../errors.ts";
import { listen } from "../inside/listen.ts";
import { bindUdp } from "../inside/udp.ts";
import { getSysctl } from "../rtnl/forwarding.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { checkedAddress, checkedPort, isAnyAddress } from "./checks.ts";
import { NetworkError } from "./errors.ts";
import type { Port } from "./model.ts";
import type { Plan } from "./plan.ts";
import { findPortHolder } from "./port-holder.ts";

/** A number, or the first and the last of several. */
export type PortRange = number | { readonly first: number; readonly last: number };

/** A port to publish. */
export interface PortSpec {
  /** The port in the sandbox; several are published as several. */
  readonly port: PortRange;
  /** Default: `"tcp"`. */
  readonly protocol?: "tcp" | "udp";
  /** Default: all addresses of the host, IPv6 too if the sandbox has it. */
  readonly hostAddress?: string;
  /**
   * The port of the host: one for each port of the sandbox; or, for one port, several of which a
   * free one is taken. Default: a free one of those that the kernel gives to clients.
   */
  readonly hostPort?: PortRange;
}

/** A port to publish, read: one port of the sandbox, and those of the host that will do. */
export interface PortRequest {
  readonly protocol: "tcp" | "udp";
  readonly hostAddress: string | undefined;
  readonly hostPorts: { readonly first: number; readonly last: number } | undefined;
  readonly port: number;
}

function checkedRange(property: string, range: unknown): { first: number; last: number } {
  if (typeof range === "number") {
    const port = checkedPort(property, range);
    return { first: port, last: port };
  }
  refuseUnknown(property, range as object, ["first", "last"], `${property}.`);
  const { first, last } = range as { first: unknown; last: unknown };
  const checked = {
    first: checkedPort(`${property}.first`, first),
    last: checkedPort(`${property}.last`, last),
  };
  if (checked.last < checked.first) {
    throw invalidArgument("range", `${property}.last`, "must not be less than the first");
  }
  return checked;
}

function rangeOf(property: string, text: string): PortRange {
  const [, first, last] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (first === undefined) throw invalidArgument("range", property, "must be a port or a range");
  return last === undefined ? Number(first) : { first: Number(first), last: Number(last) };
}

/**
 * Reads Docker's form: `80`, `8080:80`, `127.0.0.1:8080:80`, `[::1]:8080:80`, `127.0.0.1::80`, with
 * ranges in place of ports, and `/udp` behind.
 */
function specOf(property: string, text: string): PortSpec {
  const [ports = "", protocol = "tcp", ...rest] = text.split("/");
  const parts = /^(?:(?:\[([^\]]*)\]|([^:[\]]*)):)?(?:([\d-]*):)?([\d-]+)$/.exec(ports);
  if (parts === null || rest.length > 0) {
    const rule = 'must be like "8080:80", "127.0.0.1:8080:80/udp" or "80"';
    throw invalidArgument("range", property, rule);
  }
  const [, inBrackets, plain, middle, port = ""] = parts;
  // With one colon, what is before it is a port and no address.
  const isPort = middle === undefined && inBrackets === undefined && plain !== undefined;
  const hostPort = isPort ? plain : middle;
  const hostAddress = isPort ? undefined : (inBrackets ?? plain);
  return {
    port: rangeOf(property, port),
    protocol: protocol as "tcp" | "udp",
    ...(hostPort ? { hostPort: rangeOf(property, hostPort) } : {}),
    ...(hostAddress === undefined ? {} : { hostAddress }),
  };
}

/** What is to be published, a request for each port of the sandbox. */
export function checkedPortSpec(property: string, given: unknown): PortRequest[] {
  const spec = typeof given === "string" ? specOf(property, given) : (given as PortSpec);
  const known = ["port", "protocol", "hostAddress", "hostPort"];
  refuseUnknown(property, spec, known, typeof given === "string" ? "" : `${property}.`);
  const { protocol = "tcp" } = spec;
  if (protocol !== "tcp" && protocol !== "udp") {
    const reason = `ports of ${JSON.stringify(protocol)} are not published, only of tcp and udp`;
    throw new NetworkError("PROTOCOL_UNSUPPORTED", { operation: "createSandbox", reason });
  }
  const ports = checkedRange(`${property}.port`, spec.port);
  const hostPorts =
    spec.hostPort === undefined ? undefined : checkedRange(`${property}.hostPort`, spec.hostPort);
  const hostAddress =
    spec.hostAddress === undefined
      ? undefined
      : checkedAddress(`${property}.hostAddress`, spec.hostAddress);
  const count = ports.last - ports.first + 1;
  if (count > 1 && hostPorts !== undefined && hostPorts.last - hostPorts.first + 1 !== count) {
    throw invalidArgument("range", `${property}.hostPort`, `must be a range of ${count} ports`);
  }
  return Array.from({ length: count }, (_, n) => {
    const own = hostPorts && { first: hostPorts.first + n, last: hostPorts.first + n };
    return { protocol, hostAddress, hostPorts: count > 1 ? own : hostPorts, port: ports.first + n };
  });
}

/** A port of the host that is being given. */
interface Choice {
  readonly protocol: string;
  readonly hostPort: number;
  readonly hostAddresses: readonly string[];
  readonly sandbox: string;
}

/** Gives ports of the host to sandboxes. */
export class PortBook {
  readonly #host: Namespace;
  readonly #plan: Plan;
  /** The next one to try, for each protocol and range: they are given in turn, as with Docker. */
  readonly #next = new Map<string, number>();
  /** What calls of this controller are about to write down. */
  readonly #choosing = new Set<Choice>();

  constructor(host: Namespace, plan: Plan) {
    this.#host = host;
    this.#plan = plan;
  }

  /**
   * Finds ports of the host for what a sandbox publishes, and keeps them from other calls until
   * the returned `done` is called, by when they are in the plan or not needed.
   *
   * @throws {NetworkError} `PORT_TAKEN`
   */
  async choose(
    sandbox: string,
    requests: readonly PortRequest[],
    addresses: (request: PortRequest) => readonly string[],
  ): Promise<{ readonly ports: readonly Port[]; readonly done: () => void }> {
    const chosen: Choice[] = [];
    const done = () => {
      for (const choice of chosen) this.#choosing.delete(choice);
    };
    try {
      const ports: Port[] = [];
      for (const request of requests) {
        const hostAddresses = addresses(request);
        const hostPort = await this.#find(sandbox, request, hostAddresses, chosen);
        const { protocol, port } = request;
        for (const hostAddress of hostAddresses) {
          ports.push({ protocol, hostAddress, hostPort, port });
        }
      }
      return { ports, done };
    } catch (error) {
      done();
      throw error;
    }
  }

  async #find(
    sandbox: string,
    request: PortRequest,
    hostAddresses: readonly string[],
    chosen: Choice[],
  ): Promise<number> {
    const { protocol } = request;
    const { first, last } = request.hostPorts ?? (await this.#ephemeral());
    const place = `${protocol} ${first}-${last}`;
    const start = this.#next.get(place) ?? first;
    let holder: string | undefined;
    for (let n = 0; n <= last - first; n += 1) {
      const port = first + ((start - first + n) % (last - first + 1));
      // Nothing is awaited between the look at others' choices and the note of this one.
      const choice = { protocol, hostPort: port, hostAddresses, sandbox };
      const taken = this.#takenBy(choice);
      holder ??= taken && `sandbox ${JSON.stringify(taken)}`;
      if (taken !== undefined) continue;
      this.#choosing.add(choice);
      chosen.push(choice);
      if (await this.#isBound(protocol, port, hostAddresses)) {
        this.#choosing.delete(choice);
        holder ??= await this.#programAt(protocol, port);
        continue;
      }
      this.#next.set(place, port === last ? first : port + 1);
      return port;
    }
    throw portTaken(
      sandbox,
      `${protocol} port ${first === last ? first : `${first}-${last}`}`,
      holder,
    );
  }

  async #programAt(protocol: "tcp" | "udp", port: number): Promise<string> {
    const found = await findPortHolder(this.#host, protocol, port);
    if (found === undefined) return "a program on the host";
    return `${JSON.stringify(found.program)} on the host (process ${found.pid})`;
  }

  /** Which sandbox publishes the port, or is about to, on one of the addresses. */
  #takenBy({ protocol, hostPort, hostAddresses }: Choice): string | undefined {
    const meets = (others: readonly string[]) =>
      others.some((other) => hostAddresses.some((address) => overlap(address, other)));
    const published = this.#plan
      .publishing(protocol, hostPort)
      .find(({ value: { ports } }) =>
        meets(
          ports
            .filter((one) => one.protocol === protocol && one.hostPort === hostPort)
            .map(({ hostAddress }) => hostAddress),
        ),
      );
    if (published !== undefined) return published.value.name;
    for (const choice of this.#choosing) {
      const same = choice.protocol === protocol && choice.hostPort === hostPort;
      if (same && meets(choice.hostAddresses)) return choice.sandbox;
    }
    return undefined;
  }

  /** Whether a program of the host has the port. */
  async #isBound(
    protocol: "tcp" | "udp",
    port: number,
    addresses: readonly string[],
  ): Promise<boolean> {
    for (const address of addresses) {
      try {
        if (protocol === "tcp") {
          const server = await listen(this.#host, { port, host: address, ipv6Only: true });
          server.close();
        } else {
          (await bindUdp(this.#host, { port, address, ipv6Only: isIPv6(address) })).close();
        }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "EADDRINUSE") return true;
        if (code !== "EADDRNOTAVAIL") throw error;
        const reason = `the host does not have the address ${address}`;
        const details = { operation: "createSandbox", subject: address, reason, cause: error };
        throw new NetworkError("ADDRESS_OUTSIDE", details);
      }
    }
    return false;
  }

  async #ephemeral(): Promise<{ first: number; last: number }> {
    const text = await getSysctl(this.#host, "net.ipv4.ip_local_port_range");
    const [first = 32768, last = 60999] = text.split(/\s+/).map(Number);
    return { first, last };
  }
}

function overlap(one: string, other: string): boolean {
  if (isIPv6(one) !== isIPv6(other)) return false;
  return one === other || isAnyAddress(one) || isAnyAddress(other);
}

function portTaken(subject: string, what: string, holder: string | undefined): NetworkError {
  const by = holder === undefined ? "" : ` by ${holder}`;
  const conflict = holder === undefined ? {} : { conflict: holder };
  const details = {
    operation: "createSandbox",
    subject,
    reason: `${what} is taken${by}`,
    ...conflict,
  };
  return new NetworkError("PORT_TAKEN", details);
}
