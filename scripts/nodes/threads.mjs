// The library in several worker threads at once, each with namespaces of its own: first in those
// alone, with which the addon would go, then beside the main thread.

import { isMainThread, Worker } from "node:worker_threads";
import { createLink, createNamespace, deleteLink, listLinks } from "../../dist/index.js";

async function work() {
  for (let round = 0; round < 5; round += 1) {
    const namespace = await createNamespace();
    const names = Array.from({ length: 10 }, (_, number) => `d${number}`);
    await Promise.all(names.map((name) => createLink(namespace, { kind: "bridge", name })));
    await deleteLink(namespace, { name: "d0" });
    const found = (await listLinks(namespace)).length;
    if (found !== 10) throw new Error(`${found} links`);
    await namespace.close();
  }
}

/** @returns {Promise<void>} */
function thread() {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url));
    worker.on("error", reject);
    worker.on("exit", (code) => (code === 0 ? resolve() : reject(new Error(`exit code ${code}`))));
  });
}

if (isMainThread) {
  const threads = () => Array.from({ length: 4 }, () => thread());
  await Promise.all(threads());
  await Promise.all([work(), ...threads()]);
  console.log("done: four worker threads by themselves, and beside the main one");
} else {
  await work();
}
