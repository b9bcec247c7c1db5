// One cell of the matrix, in a process and namespaces of its own: verifies a rival's result once,
// times it, prints the samples of each measure as JSON.
//
//   node scripts/bench/cell.mjs '{"trial":…,"rival":…,"n":…,"quick":…,"commands":{…}}'

import { settle, switchIpv6Off } from "./host.mjs";
import { measureCluster } from "./trials/cluster.mjs";
import { measureCounter, measureCounters } from "./trials/counters.mjs";
import { measureDeletions } from "./trials/deletions.mjs";
import { measureEndpoints, measureGap } from "./trials/endpoints.mjs";
import { measureHandles } from "./trials/handles.mjs";
import { measureLatency } from "./trials/latency.mjs";
import { measureLinks } from "./trials/links.mjs";
import { measureNamespaces } from "./trials/namespaces.mjs";
import { measureNetwork } from "./trials/network.mjs";
import { measureOperations } from "./trials/operations.mjs";

/**
 * What a cell is told. `commands` has the command of each rival that is a program: for the floor,
 * of each of its programs.
 *
 * @typedef {{
 *   rival: string, n: number, quick: boolean,
 *   commands: Readonly<Record<string, readonly string[]>>,
 * }} Assignment
 */

/** @typedef {Record<string, number[]>} Samples by measure */

/** @type {Readonly<Record<string, (assignment: Assignment) => Promise<Samples>>>} */
const measures = {
  operations: measureOperations,
  endpoints: (assignment) => measureEndpoints(assignment, { ipv6: false }),
  "endpoints-ipv6": (assignment) => measureEndpoints(assignment, { ipv6: true }),
  cluster: measureCluster,
  counters: measureCounters,
  counter: measureCounter,
  deletions: measureDeletions,
  links: measureLinks,
  namespaces: measureNamespaces,
  gap: measureGap,
  latency: measureLatency,
  handles: measureHandles,
  network: measureNetwork,
};

const { trial, ...assignment } = JSON.parse(process.argv[2] ?? "{}");
const measure = measures[trial];
if (measure === undefined) throw new Error(`no trial "${trial}"`);
if (trial !== "endpoints-ipv6") switchIpv6Off();
await settle();
process.stdout.write(JSON.stringify(await measure(assignment)));
process.exit(0);
