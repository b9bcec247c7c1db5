// The door `vethwork/testing`: fixtures for tests, with any runner.

/**
 * Networks for tests, with any test runner, as root or as an ordinary user. Begin at {@link topology}.
 *
 * @module vethwork/testing
 */

export type { LeakHooks, LeakOptions, Resources } from "./leaks.ts";
export { checkLeaks, leaksSince, takeStock } from "./leaks.ts";
export type { ReachOptions, Target } from "./reachability.ts";
export { expectReachable, expectUnreachable } from "./reachability.ts";
export type { Sandbox, SandboxOptions } from "./sandbox.ts";
export { sandbox } from "./sandbox.ts";
export type {
  BridgeLiteral,
  Lab,
  NamespaceLiteral,
  RouteLiteral,
  TopologyLiteral,
  WireEnd,
  WireLiteral,
} from "./topology.ts";
export { topology } from "./topology.ts";
export type { Traffic, TrafficOptions } from "./traffic.ts";
export { sendTraffic } from "./traffic.ts";
export { enterNamespaces } from "./unprivileged.ts";
