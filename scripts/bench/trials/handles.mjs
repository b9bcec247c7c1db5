// What many open namespaces cost: threads and memory. A hundred namespaces are opened again and
// again, for the kernel takes half a minute to make thousands, and a handle does not know.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createNamespace, getLink, openNamespace } from "../../../dist/index.js";
import { namespaceName } from "../shape.mjs";
import { timed, verify } from "../timing.mjs";

const distinct = 100;

/** A handle that was asked has two descriptors. */
function most() {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const files = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
  return Math.floor((files - 200) / 2);
}

/** The threads of a Node process that has used its file system pool and nothing else. */
function threadsOfNode() {
  const script = `
    import { promises, readdirSync } from "node:fs";
    await Promise.all(Array.from({ length: 8 }, () => promises.readFile("/proc/self/status")));
    console.log(readdirSync("/proc/self/task").length);`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", script]));
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureHandles({ n }) {
  const count = Math.min(n, most());
  await Promise.all(
    Array.from({ length: distinct }, async (_, k) => {
      const namespace = await createNamespace({ name: namespaceName(k) });
      await namespace.close();
    }),
  );
  const before = process.memoryUsage.rss();
  const handles = /** @type {import("../../../dist/index.js").Namespace[]} */ ([]);
  const took = await timed(async () => {
    while (handles.length < count) {
      const some = Array.from({ length: Math.min(500, count - handles.length) }, async (_, k) => {
        const namespace = await openNamespace({ name: namespaceName(k % distinct) });
        const { name } = await getLink(namespace, 1);
        verify(name === "lo", "it answers");
        return namespace;
      });
      handles.push(...(await Promise.all(some)));
    }
  });
  const threads = readdirSync("/proc/self/task").length - threadsOfNode();
  const memory = (process.memoryUsage.rss() - before) / count;
  await Promise.all(handles.map((handle) => handle.close()));
  return { opened: [count], threads: [threads], memory: [memory], open: [took / count] };
}
