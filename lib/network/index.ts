// The public door of the network model.

/**
 * Docker's network model on one host, or across hosts that share a store: networks, sandboxes, the endpoints that connect the two, published
 * ports and names. Begin at {@link openController}.
 *
 * @module vethwork/network
 */

export type { AbsentHost } from "./cluster/hosts.ts";
export type { ClusterOptions } from "./cluster/options.ts";
export type { Host, Member } from "./cluster/records.ts";
export { Controller } from "./controller.ts";
export type { ControllerOptions } from "./controller-options.ts";
export {
  type DockerEndpointSettings,
  type DockerInspectOptions,
  type DockerNetwork,
  type DockerNetworkSettings,
  type DockerService,
  toDockerInspect,
} from "./docker.ts";
export type { Diagnosis, DiagnosisCode } from "./doctor/diagnosis.ts";
export type {
  AcrossHosts,
  Driver,
  DriverTraits,
  Encryption,
  EndpointPlace,
  Finding,
  NetworkRequest,
  Peer,
  Remote,
  Settings,
} from "./drivers/driver.ts";
export { NetworkError, type NetworkErrorCode, type NetworkErrorDetails } from "./errors.ts";
export type { NetworkEvent } from "./events.ts";
export type { NetworkFilters } from "./filters.ts";
export type { ChangedSetting } from "./host-settings.ts";
export type { NetworkDescription, SandboxDescription } from "./inspect.ts";
export type {
  Endpoint,
  NameSettings,
  Network,
  NetworkSubnet,
  Port,
  Sandbox,
  SandboxMode,
  Service,
} from "./model.ts";
export type { NetworkOptions, SubnetOptions } from "./network-options.ts";
export { openController } from "./opening.ts";
export type { PortRange, PortSpec } from "./ports.ts";
export type { PlannedRepair, Repair } from "./reconcile.ts";
export type { AdoptOptions, ConnectOptions, SandboxOptions } from "./sandbox-options.ts";
export type { ServiceDescription, ServiceOptions } from "./services.ts";
export { type EtcdStoreOptions, type EtcdTlsOptions, openEtcdStore } from "./store/etcd.ts";
export { type LmdbStoreOptions, openLmdbStore } from "./store/lmdb.ts";
export { openMemoryStore } from "./store/memory.ts";
export type {
  Change,
  Commit,
  Committed,
  Condition,
  Entry,
  History,
  Json,
  Lease,
  LeaseOptions,
  Listing,
  Outcome,
  Put,
  Store,
  WatchOptions,
} from "./store/store.ts";
export { openZooKeeperStore, type ZooKeeperStoreOptions } from "./store/zookeeper.ts";
