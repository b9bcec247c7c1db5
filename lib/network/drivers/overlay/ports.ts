// The endpoints that a host has on a network over hosts: ports of the bridge of its part.

import { createLink, deleteLink, findLink, type Link, setLink } from "../../../rtnl/link.ts";
import type { Namespace } from "../../../rtnl/namespace.ts";
import { listFdbEntries, replaceFdbEntry } from "../../../rtnl/neighbour.ts";
import { allEnded } from "../../../values/all-ended.ts";
import { NetworkError } from "../../errors.ts";
import type { Endpoint, Network } from "../../model.ts";
import type { EndpointPlace, Finding } from "../driver.ts";
import { ours } from "../links.ts";
import { isCode } from "./refusals.ts";
import { findSegment, names } from "./segment.ts";
import { partSettings } from "./settings.ts";

/** Gets what is for its endpoint, broadcasts and multicast, and nothing that is for others. */
const portOptions = { learning: false, unicastFlood: false } as const;

/** The port of an endpoint: so many digits of its id as fit into a name. */
function portOf({ id }: Pick<Endpoint, "id">): { readonly name: string } {
  return { name: `veth${id.slice(0, 11)}` };
}

async function segmentOf(network: Network): Promise<Namespace> {
  const found = await findSegment(network);
  if (found !== undefined) return found;
  const reason = `its namespace ${partSettings(network).namespace} is gone`;
  throw new NetworkError("DRIVER_FAILED", { operation: "connect", subject: network.name, reason });
}

/** Puts the endpoint's link into the sandbox, and its other end on the bridge. */
export async function connect({ sandbox, network, endpoint }: EndpointPlace): Promise<void> {
  const { mtu } = partSettings(network);
  const { link: name, mac: address } = endpoint;
  await using inside = await segmentOf(network);
  try {
    // In the order in which they are carried out: nothing waits for an answer in between.
    await allEnded([
      createLink(inside, {
        ...{ kind: "veth", ...portOf(endpoint), mtu, master: { name: names.bridge }, up: true },
        peer: { name, namespace: sandbox, address, mtu },
      }),
      ...settled(inside, endpoint),
    ]);
  } catch (cause) {
    if (!isCode(cause, "EXFULL")) throw cause;
    const reason = "its bridge takes no more ports";
    const details = { operation: "connect", subject: network.name, reason, cause };
    throw new NetworkError("NETWORK_FULL", details);
  }
}

/** What a port is told once it is one. */
function settled(inside: Namespace, endpoint: Endpoint): Promise<void>[] {
  const port = portOf(endpoint);
  return [
    setLink(inside, port, { portKind: "bridge", port: portOptions }),
    // Found there even if it never says a word, and nowhere else whoever takes its address.
    replaceFdbEntry(inside, port, { address: endpoint.mac, state: "static", flags: ["master"] }),
  ];
}

async function removeLink(namespace: Namespace, link: Link | undefined): Promise<void> {
  if (link === undefined) return;
  await deleteLink(namespace, link).catch((error: unknown) => {
    // Gone meanwhile, with the other end for example.
    if (!isCode(error, "ENODEV")) throw error;
  });
}

/** Takes both ends away, by whichever is found. */
export async function disconnect({
  sandbox,
  network,
  endpoint,
}: Omit<EndpointPlace, "sandbox" | "host"> & { readonly sandbox?: Namespace }): Promise<void> {
  await using inside = await findSegment(network);
  if (inside !== undefined) await removeLink(inside, await findLink(inside, portOf(endpoint)));
  // The namespace of the part can have lost its name while somebody keeps it alive.
  const link = sandbox && (await findLink(sandbox, { name: endpoint.link }));
  if (sandbox === undefined || link === undefined || !ours(link, "veth", endpoint.mac)) return;
  await removeLink(sandbox, link);
}

/** What of an endpoint's port is not as planned. */
export async function inspectEndpoint(place: EndpointPlace): Promise<Finding[]> {
  const { network, endpoint } = place;
  const { mtu } = partSettings(network);
  const subject = `network ${JSON.stringify(network.name)}`;
  await using inside = await findSegment(network);
  if (inside === undefined) return [];
  const [bridge, port] = await Promise.all(
    [names.bridge, portOf(endpoint).name].map((name) => findLink(inside, { name })),
  );
  if (bridge === undefined) return [];
  if (port === undefined) {
    const problem = `the link ${endpoint.link} of an endpoint leads elsewhere`;
    const repair = () => disconnect(place);
    return [{ subject, problem, remedy: "it is taken away, to be connected anew", repair }];
  }
  const problems = [
    ...(port.up ? [] : [`${port.name} is down`]),
    ...(port.mtu === mtu ? [] : [`the MTU of ${port.name} is ${port.mtu}, not ${mtu}`]),
    ...(await portProblems(inside, endpoint, { port, bridge })),
  ];
  const repair = () => mendPort(place);
  return problems.map((problem) => ({ subject, problem, remedy: "it is set as planned", repair }));
}

async function portProblems(
  inside: Namespace,
  { mac }: Endpoint,
  { port, bridge }: { readonly port: Link; readonly bridge: Link },
): Promise<string[]> {
  const { name } = port;
  if (port.master !== bridge.index) return [`${name} is no port of ${bridge.name}`];
  const { learning, unicastFlood } = port.portKind === "bridge" ? port.port : {};
  const usual = learning === portOptions.learning && unicastFlood === portOptions.unicastFlood;
  const entries = await listFdbEntries(inside, { link: port });
  const isThere = entries.some(
    ({ address, state, master }) =>
      address === mac && state === "static" && master === bridge.index,
  );
  return [
    ...(usual ? [] : [`${name} learns addresses, or gets what is for others`]),
    ...(isThere ? [] : [`${bridge.name} does not know ${mac} on ${name}`]),
  ];
}

async function mendPort({ network, endpoint }: EndpointPlace): Promise<void> {
  const { mtu } = partSettings(network);
  await using inside = await segmentOf(network);
  const master = { name: names.bridge };
  await allEnded([
    setLink(inside, portOf(endpoint), { mtu, master, up: true }),
    ...settled(inside, endpoint),
  ]);
}
