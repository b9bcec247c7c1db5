// The store in etcd does what every store does.

import { afterAll, beforeAll } from "vitest";
import { openEtcdStore } from "../../../lib/network/store/etcd.ts";
import { type Etcd, startEtcd } from "../../support/etcd.ts";
import { describeStore } from "./contract.ts";

let etcd: Etcd;
let made = 0;
beforeAll(async () => {
  etcd = await startEtcd();
}, 60_000);
afterAll(() => etcd.end());

describeStore(
  "a store in etcd",
  () => {
    made += 1;
    return openEtcdStore({ endpoints: etcd.endpoints, prefix: `stores/${made}/` });
  },
  { revisions: "growing", shortestTtlMs: 1000 },
);
