// The public door.

/**
 * Network namespaces, links, addresses, routes, rules, neighbours, counters and events, and servers,
 * connections and programs that live in a namespace.
 *
 * @module vethwork
 */

export type { AllowedRange } from "./errors.ts";
export {
  DeadlineError,
  DumpInterruptedError,
  ForeignFileError,
  NetlinkError,
  RollbackError,
  TransactionEndedError,
  UnavailableError,
  WaitTimeoutError,
} from "./errors.ts";
export type { FetchDispatcher, NamespaceAgent } from "./inside/agent.ts";
export { agent } from "./inside/agent.ts";
export type { ConnectOptions } from "./inside/connect.ts";
export { connect } from "./inside/connect.ts";
export type { ExecError, ExecOptions, ExecResult } from "./inside/exec.ts";
export { exec } from "./inside/exec.ts";
export type { ListenOptions } from "./inside/listen.ts";
export { listen } from "./inside/listen.ts";
export type { LookupAddress, LookupOptions } from "./inside/lookup.ts";
export { lookup } from "./inside/lookup.ts";
export type { PingOptions } from "./inside/ping.ts";
export { ping } from "./inside/ping.ts";
export type { ProcessOptions, SpawnOptions } from "./inside/process-options.ts";
export { spawn } from "./inside/spawn.ts";
export type { LookupError, SystemError } from "./inside/system-error.ts";
export type { BindUdpOptions } from "./inside/udp.ts";
export { bindUdp } from "./inside/udp.ts";
export type * from "./rtnl/address.ts";
export {
  addAddress,
  flushAddresses,
  listAddresses,
  removeAddress,
  replaceAddress,
} from "./rtnl/address.ts";
export type { CounterColumn } from "./rtnl/counter-columns.ts";
export { columnOf, counterColumns, counterRowLength } from "./rtnl/counter-columns.ts";
export type { CounterChange, CounterOptions, CounterReader } from "./rtnl/counter-reader.ts";
export { openCounters } from "./rtnl/counter-reader.ts";
export type * from "./rtnl/counters.ts";
export { getCounters, listCounters } from "./rtnl/counters.ts";
export type * from "./rtnl/endpoint.ts";
export { createEndpoints, deleteEndpoints } from "./rtnl/endpoint.ts";
export type * from "./rtnl/forwarding.ts";
export { getForwarding, getSysctl, setForwarding, setSysctl } from "./rtnl/forwarding.ts";
export type * from "./rtnl/kinds/kinds.ts";
export { linkKinds, portKinds } from "./rtnl/kinds/kinds.ts";
export type * from "./rtnl/link.ts";
export {
  addAlternativeNames,
  createLink,
  deleteLink,
  deleteLinks,
  findLink,
  getLink,
  listLinks,
  moveLink,
  removeAlternativeNames,
  renameLink,
  setLink,
} from "./rtnl/link.ts";
export type * from "./rtnl/namespace.ts";
export {
  createNamespace,
  deleteNamespace,
  getNamespaceId,
  listNamespaces,
  Namespace,
  openNamespace,
  setNamespaceId,
} from "./rtnl/namespace.ts";
export type * from "./rtnl/neighbour.ts";
export {
  addFdbEntry,
  addNeighbour,
  listFdbEntries,
  listNeighbours,
  removeFdbEntry,
  removeNeighbour,
  replaceFdbEntry,
  replaceNeighbour,
} from "./rtnl/neighbour.ts";
export type { LinkReference } from "./rtnl/reference.ts";
export type { CallLimits } from "./rtnl/request.ts";
export type * from "./rtnl/route.ts";
export { addRoute, getRoute, listRoutes, removeRoute, replaceRoute } from "./rtnl/route.ts";
export type * from "./rtnl/rule.ts";
export { addRule, listRules, removeRule } from "./rtnl/rule.ts";
export type { Sample, Sampler, SamplerOptions } from "./rtnl/sampler.ts";
export { openSampler } from "./rtnl/sampler.ts";
export type * from "./topology/describe.ts";
export { describeTopology } from "./topology/describe.ts";
export { toDot } from "./topology/dot.ts";
export { toMermaid } from "./topology/mermaid.ts";
export { toSvg } from "./topology/svg.ts";
export { toText } from "./topology/text.ts";
export type { Transaction, TransactionOptions } from "./transaction/transaction.ts";
export { openTransaction, transaction } from "./transaction/transaction.ts";
export type * from "./values/cidr.ts";
export { cidrContains, cidrsOverlap, formatCidr, parseCidr } from "./values/cidr.ts";
export { isMac, normaliseMac, randomMac } from "./values/mac.ts";
export type * from "./watch/events.ts";
export { waitForAddress } from "./watch/wait-for-address.ts";
export { type LinkCondition, waitForLink } from "./watch/wait-for-link.ts";
export { type RouteCondition, waitForRoute } from "./watch/wait-for-route.ts";
export type { WaitOptions } from "./watch/waiting.ts";
export type { Watcher } from "./watch/watch.ts";
export { watch } from "./watch/watch.ts";
