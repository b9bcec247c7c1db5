// Controllers whose process is stopped for longer than their lease, and go on beside the next one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { listLinks } from "../../../lib/index.ts";
import { bridge } from "../../../lib/network/drivers/bridge.ts";
import { openController, openLmdbStore } from "../../../lib/network/index.ts";
import { withSandboxes } from "../../support/sandbox.ts";

const script = new URL("../../fixtures/stopped-controller.mjs", import.meta.url).pathname;
const drivers = [{ ...bridge, name: "stopping" }];

/** Waits until a process was stopped. @see fs/proc/array.c, `get_task_state()` */
async function stopped(pid: number | undefined): Promise<void> {
  const state = () => readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /s, "")[0];
  await vi.waitFor(() => expect(state()).toBe("T"), { timeout: 30_000, interval: 5 });
}

test.each([
  { seam: "commit", moment: 1 },
  { seam: "commit", moment: 2 },
  { seam: "commit", moment: 3 },
  { seam: "driver", moment: 1 },
  { seam: "driver", moment: 2 },
])("one that is stopped at $seam $moment harms nothing of the next", async ({ seam, moment }) => {
  await withSandboxes(1, async ([host]) => {
    const directory = mkdtempSync(join(tmpdir(), "vethwork-"));
    const box = `${host.name}-box`;
    const store = await openLmdbStore({ directory });
    try {
      const first = await openController({ host, store, name: "plan", drivers });
      await first.createNetwork({ name: "web", driver: "stopping" });
      await first.close();
      const links = async () => (await listLinks(host)).map(({ name }) => name).toSorted();
      const before = await links();
      const child = spawn(
        process.execPath,
        [script, directory, host.name, "plan", box, seam, String(moment)],
        { stdio: ["ignore", "pipe", "inherit"] },
      );
      let said = "";
      child.stdout.on("data", (data) => {
        said += data;
      });
      const closed = once(child, "close");
      await stopped(child.pid);
      const next = await openController({ host, store, name: "plan", drivers });
      // The same sandbox with the same names, address and ports, which the first must not touch.
      const ports = ["20080:80", "20053:53/udp"];
      await next.createSandbox({ name: box, networks: ["web"], ports });
      const during = await links();
      child.kill("SIGCONT");
      await closed;
      expect(said).toBe("LEASE_LOST\n");
      // Whoever serves names is found out by a lease of its own.
      await expect.poll(() => next.plan(), { timeout: 10_000 }).toEqual([]);
      expect(await links()).toEqual(during);
      await next.deleteSandbox(box);
      expect(await links()).toEqual(before);
      await next.purge();
      await next.close();
      expect(readdirSync("/run/netns")).not.toContain(box);
    } finally {
      await store.close();
      rmSync(directory, { recursive: true });
    }
  });
});
