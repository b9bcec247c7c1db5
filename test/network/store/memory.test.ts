// The store in memory.

import { openMemoryStore } from "../../../lib/network/store/memory.ts";
import { describeStore } from "./contract.ts";

describeStore("a store in memory", async () => openMemoryStore());
