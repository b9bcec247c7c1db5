// What the network model refuses.

/**
 * Why the model refused. The union is closed: a code is added with a release, never by a driver.
 *
 * Networks, sandboxes and endpoints:
 * - `NETWORK_EXISTS`, `SANDBOX_EXISTS`: the name is taken.
 * - `NETWORK_MISSING`, `SANDBOX_MISSING`: there is no such thing.
 * - `NETWORK_IN_USE`, `SANDBOX_IN_USE`: sandboxes are connected to it, or joined it, or it has services;
 *   `conflict` names one.
 * - `NETWORK_PREDEFINED`: `bridge`, `host` and `none` cannot be made, removed or given options.
 * - `NETWORK_FULL`: no further endpoint fits on it.
 * - `ENDPOINT_EXISTS`, `ENDPOINT_MISSING`: the sandbox is connected to the network, or is not.
 * - `SERVICE_EXISTS`, `SERVICE_MISSING`: the network has a service of the name, or has none.
 * - `MODE_CONFLICT`: what is asked for cannot be had in the sandbox's mode, or on the network.
 * - `NAMESPACE_EXISTS`, `NAMESPACE_MISSING`: there is a namespace of the sandbox's name that is not ours,
 *   or none where one was said to be.
 * - `LINK_TAKEN`: the host has a link of the name that is not ours.
 * - `PARENT_MISSING`: the link that a macvlan was to be on is not there.
 * - `OPTION_INVALID`: the driver does not know the option, or does not take its value.
 * - `DRIVER_MISSING`: no driver of that name was handed in.
 * - `DRIVER_FAILED`: the kernel or the driver failed; `cause` tells more. What was made is undone.
 * - `PORT_TAKEN`: the port of the host is published or listened on; `conflict` says by whom, if known.
 * - `TABLE_TAKEN`: the host has an nftables table of the firewall's name that is somebody else's; see
 *   the option `table` of `openController`.
 * - `PROTOCOL_UNSUPPORTED`: ports of this protocol are not published.
 * - `TARGET_MISSING`: the sandbox to link to is not on the network.
 *
 * Addresses and subnets:
 * - `POOL_EXHAUSTED`: no subnet of the pools, or no address of the subnet, is free.
 * - `POOL_OVERLAP`: the subnet overlaps another one, or a route of the host; `conflict` names it.
 * - `SUBNET_INVALID`: no network can have this subnet, or not with this range.
 * - `SUBNET_MISSING`: there is no such subnet.
 * - `SUBNET_IN_USE`: addresses of the subnet are held; `conflict` names a holder.
 * - `ADDRESS_TAKEN`: the address is somebody else's; `conflict` names the holder.
 * - `ADDRESS_OUTSIDE`: the address is not in the subnet.
 * - `ADDRESS_RESERVED`: the address is the subnet's own: its network's, broadcast or anycast.
 *
 * Networks across hosts:
 * - `HOST_ABSENT`: no controller keeps this host's place among the hosts, or it was lost just now; see
 *   the option `cluster` of `openController`.
 * - `HOST_MISSING`: the store keeps nothing for a host of that name.
 * - `HOST_PRESENT`: a process of the host is there, or was until just now, so that it cannot be removed.
 * - `NUMBER_TAKEN`: all numbers that the network could have, as VXLAN's, are other networks'.
 *
 * The store:
 * - `STORE_BUSY`: others kept it, or kept changing what was to be changed, for too long.
 * - `STORE_CONFLICT`: what was to be changed in one step with something else has changed meanwhile.
 * - `STORE_CORRUPT`: what is in it was not written by this library, or was damaged.
 * - `STORE_CLOSED`: the handle was closed.
 * - `STORE_COMPACTED`: it no longer remembers what was changed after that revision: list anew.
 * - `STORE_FORBIDDEN`: its server does not take the credentials, or grants too little to them.
 * - `STORE_FAILED`: the medium failed, for example a full disk or a server that does not answer; `cause`
 *   tells more.
 * - `STORE_UNAVAILABLE`: the package that it needs is not installed or does not load.
 * - `LEASE_LOST`: the lease has ended, and its keys with it.
 */
export type NetworkErrorCode =
  | "NETWORK_EXISTS"
  | "NETWORK_MISSING"
  | "NETWORK_IN_USE"
  | "NETWORK_PREDEFINED"
  | "NETWORK_FULL"
  | "SANDBOX_EXISTS"
  | "SANDBOX_MISSING"
  | "SANDBOX_IN_USE"
  | "ENDPOINT_EXISTS"
  | "ENDPOINT_MISSING"
  | "SERVICE_EXISTS"
  | "SERVICE_MISSING"
  | "MODE_CONFLICT"
  | "NAMESPACE_EXISTS"
  | "NAMESPACE_MISSING"
  | "LINK_TAKEN"
  | "PARENT_MISSING"
  | "OPTION_INVALID"
  | "DRIVER_MISSING"
  | "DRIVER_FAILED"
  | "PORT_TAKEN"
  | "TABLE_TAKEN"
  | "PROTOCOL_UNSUPPORTED"
  | "TARGET_MISSING"
  | "POOL_EXHAUSTED"
  | "POOL_OVERLAP"
  | "SUBNET_INVALID"
  | "SUBNET_MISSING"
  | "SUBNET_IN_USE"
  | "ADDRESS_TAKEN"
  | "ADDRESS_OUTSIDE"
  | "ADDRESS_RESERVED"
  | "HOST_ABSENT"
  | "HOST_MISSING"
  | "HOST_PRESENT"
  | "NUMBER_TAKEN"
  | "STORE_BUSY"
  | "STORE_CONFLICT"
  | "STORE_CORRUPT"
  | "STORE_CLOSED"
  | "STORE_COMPACTED"
  | "STORE_FAILED"
  | "STORE_FORBIDDEN"
  | "STORE_UNAVAILABLE"
  | "LEASE_LOST";

/** What a {@link NetworkError} tells besides its code. */
export interface NetworkErrorDetails extends ErrorOptions {
  /** The function that was called, `"allocateSubnet"`. */
  readonly operation: string;
  /** What it was called on: a subnet, an address, a key. */
  readonly subject?: string | undefined;
  /** Half a sentence, without a full stop. */
  readonly reason: string;
  /** The name of what is in the way. */
  readonly conflict?: string;
}

/**
 * The model refused an operation; nothing was changed. Match on {@link NetworkError.code}, never on
 * the text.
 */
export class NetworkError extends Error {
  override readonly name = "NetworkError";
  readonly code: NetworkErrorCode;
  /** The function that was called, `"allocateSubnet"`. */
  readonly operation: string;
  /** What it was called on: a subnet, an address, a key. */
  readonly subject: string | undefined;
  /** The name of what is in the way, where there is such a thing. */
  readonly conflict: string | undefined;

  constructor(code: NetworkErrorCode, details: NetworkErrorDetails) {
    const { operation, subject, reason, conflict, ...options } = details;
    const of = subject === undefined ? operation : `${operation} ${JSON.stringify(subject)}`;
    super(`${of}: ${code}, ${reason}`, options);
    this.code = code;
    this.operation = operation;
    this.subject = subject;
    this.conflict = conflict;
  }
}
