// Networks and sandboxes in the shape of `docker network inspect` and `docker inspect`.

import { isIPv6 } from "node:net";
import { groupBy } from "../values/group.ts";
import type { Member } from "./cluster/records.ts";
import { familyOf } from "./gateway.ts";
import type { NetworkDescription, SandboxDescription } from "./inspect.ts";
import type { Endpoint } from "./model.ts";

/** Docker's names for what is described. */
export interface DockerNetwork {
  readonly Name: string;
  readonly Id: string;
  readonly Created: string;
  /** `"global"`: across the hosts of a store, as Docker calls it where no swarm manages them. */
  readonly Scope: "local" | "global";
  readonly Driver: string;
  readonly EnableIPv4: boolean;
  readonly EnableIPv6: boolean;
  readonly IPAM: {
    readonly Driver: "default";
    readonly Options: null;
    readonly Config: readonly {
      readonly Subnet: string;
      readonly IPRange?: string;
      readonly Gateway?: string;
      readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
    }[];
  };
  readonly Internal: boolean;
  readonly Attachable: boolean;
  readonly Ingress: boolean;
  readonly ConfigFrom: { readonly Network: "" };
  readonly ConfigOnly: boolean;
  readonly Containers: Readonly<
    Record<
      string,
      {
        readonly Name: string;
        readonly EndpointID: string;
        readonly MacAddress: string;
        readonly IPv4Address: string;
        readonly IPv6Address: string;
      }
    >
  >;
  readonly Options: Readonly<Record<string, string>>;
  readonly Labels: Readonly<Record<string, string>>;
  /** Of a network across hosts: those that have endpoints on it. */
  readonly Peers?: readonly { readonly Name: string; readonly IP: string }[];
  /** Of a network across hosts, if asked for: under the name `""`, the endpoints of all hosts. */
  readonly Services?: Readonly<Record<string, DockerService>>;
}

/** What Docker calls a service of a network. */
export interface DockerService {
  readonly VIP: string;
  readonly Ports: readonly string[];
  readonly LocalLBIndex: number;
  readonly Tasks: readonly {
    readonly Name: string;
    readonly EndpointID: string;
    readonly EndpointIP: string;
    readonly Info: { readonly "Host IP": string };
  }[];
}

/** How much is told of a network. */
export interface DockerInspectOptions {
  /** Of a network across hosts also the endpoints of all hosts, as `--verbose` has it. Default: false. */
  readonly verbose?: boolean;
}

/** The entry of one network in a container's settings. */
export interface DockerEndpointSettings {
  readonly IPAMConfig: null;
  readonly Links: readonly string[] | null;
  readonly Aliases: readonly string[] | null;
  readonly MacAddress: string;
  readonly GwPriority: number;
  readonly NetworkID: string;
  readonly EndpointID: string;
  readonly Gateway: string;
  readonly IPAddress: string;
  readonly IPPrefixLen: number;
  readonly IPv6Gateway: string;
  readonly GlobalIPv6Address: string;
  readonly GlobalIPv6PrefixLen: number;
  readonly DNSNames: readonly string[] | null;
}

/** What Docker says of a container's network. */
export interface DockerNetworkSettings {
  readonly SandboxID: string;
  readonly SandboxKey: string;
  readonly Ports: Readonly<
    Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>
  >;
  readonly Networks: Readonly<Record<string, DockerEndpointSettings>>;
}

function cidrOf({ addresses }: Endpoint, family: "inet" | "inet6"): string {
  return addresses.find((address) => familyOf(address) === family) ?? "";
}

/** The hosts of a network's endpoints, and with `verbose` the endpoints. */
function elsewhere(
  members: readonly Member[],
  { verbose = false }: DockerInspectOptions,
): Pick<DockerNetwork, "Peers" | "Services"> {
  const hosts = new Map(members.map(({ host, hostAddress }) => [host, hostAddress]));
  const Peers = Array.from(hosts, ([Name, IP]) => ({ Name, IP }));
  if (!verbose) return { Peers };
  const Tasks = members.map(({ id, sandbox, addresses, hostAddress }) => ({
    ...{ Name: sandbox.name, EndpointID: id, EndpointIP: addresses[0]?.split("/")[0] ?? "" },
    Info: { "Host IP": hostAddress },
  }));
  return { Peers, Services: { "": { VIP: "<nil>", Ports: [], LocalLBIndex: 0, Tasks } } };
}

function dockerNetwork(network: NetworkDescription, options: DockerInspectOptions): DockerNetwork {
  const { name, id, created, driver, ipv6, internal, labels, subnets, members } = network;
  const isWide = network.scope === "cluster";
  const containers = network.connections.map(({ sandbox, endpoint }) => [
    sandbox.id,
    {
      Name: sandbox.name,
      EndpointID: endpoint.id,
      MacAddress: endpoint.mac,
      IPv4Address: cidrOf(endpoint, "inet"),
      IPv6Address: cidrOf(endpoint, "inet6"),
    },
  ]);
  return {
    ...{ Name: name, Id: id, Created: created, Scope: isWide ? "global" : "local" },
    ...{ Driver: driver, EnableIPv4: true, EnableIPv6: ipv6 },
    IPAM: {
      ...{ Driver: "default", Options: null },
      Config: subnets.map(({ subnet, range, gateway, auxiliary }) => ({
        Subnet: subnet,
        ...(range === subnet ? {} : { IPRange: range }),
        ...(gateway === undefined ? {} : { Gateway: gateway }),
        ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
      })),
    },
    ...{ Internal: internal, Attachable: isWide, Ingress: false },
    ...{ ConfigFrom: { Network: "" }, ConfigOnly: false },
    Containers: Object.fromEntries(containers),
    ...{ Options: network.options, Labels: labels },
    ...(members === undefined ? {} : elsewhere(members, options)),
  };
}

function endpointSettings(
  sandbox: SandboxDescription,
  { network, endpoint }: SandboxDescription["connections"][number],
): DockerEndpointSettings {
  const [address = "", length = "0"] = cidrOf(endpoint, "inet").split("/");
  const [address6 = "", length6 = "0"] = cidrOf(endpoint, "inet6").split("/");
  const gateway = (six: boolean) =>
    network.internal
      ? ""
      : (network.subnets.map((one) => one.gateway).find((one) => one && isIPv6(one) === six) ?? "");
  const { id, name, hostname } = sandbox;
  const own = [name, ...endpoint.aliases, id.slice(0, 12), hostname];
  const links = Object.entries(endpoint.links).map(([alias, target]) => `${target}:${alias}`);
  return {
    ...{ IPAMConfig: null, Links: links.length > 0 ? links : null },
    Aliases: network.predefined ? null : endpoint.aliases,
    ...{ MacAddress: endpoint.mac, GwPriority: endpoint.gatewayPriority },
    ...{ NetworkID: network.id, EndpointID: endpoint.id },
    ...{ Gateway: gateway(false), IPAddress: address, IPPrefixLen: Number(length) },
    ...{ IPv6Gateway: gateway(true), GlobalIPv6Address: address6 },
    GlobalIPv6PrefixLen: Number(length6),
    DNSNames: network.predefined ? null : [...new Set(own)],
  };
}

function keyOf(sandbox: SandboxDescription): string {
  const { namespace, mode } = sandbox;
  if (mode === "host") return "/proc/self/ns/net";
  if (namespace === undefined) return "";
  return "name" in namespace ? `/run/netns/${namespace.name}` : namespace.path;
}

function dockerSandbox(sandbox: SandboxDescription): DockerNetworkSettings {
  const bound = groupBy(sandbox.ports, ({ protocol, port }) => `${port}/${protocol}`);
  const ports = Array.from(bound, ([key, bindings]) => [
    key,
    bindings.map(({ hostAddress, hostPort }) => ({
      HostIp: hostAddress,
      HostPort: String(hostPort),
    })),
  ]);
  const networks = sandbox.connections.map((connection) => [
    connection.network.name,
    endpointSettings(sandbox, connection),
  ]);
  const joined = sandbox.mode === "container";
  return {
    SandboxID: joined ? "" : sandbox.id,
    SandboxKey: joined ? "" : keyOf(sandbox),
    Ports: Object.fromEntries(ports),
    Networks: Object.fromEntries(networks),
  };
}

/**
 * What Docker would say of it: of a network what `docker network inspect` shows, of a sandbox the
 * `NetworkSettings` of `docker inspect`. Pure.
 */
export function toDockerInspect(
  network: NetworkDescription,
  options?: DockerInspectOptions,
): DockerNetwork;
export function toDockerInspect(sandbox: SandboxDescription): DockerNetworkSettings;
export function toDockerInspect(
  thing: NetworkDescription | SandboxDescription,
  options: DockerInspectOptions = {},
): DockerNetwork | DockerNetworkSettings {
  return "subnets" in thing ? dockerNetwork(thing, options) : dockerSandbox(thing);
}
