// A real etcd on the loopback of the benchmark's own namespace, and what it counts.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The namespace is new, and so all ports are free. */
const client = "http://127.0.0.1:2379";
const peer = "http://127.0.0.1:2380";

/** What etcd has done so far. @typedef {{ revisions: number, messages: number }} Counts */

/** @param {string} text @param {string} name without labels, or with those that matter */
function metric(text, name) {
  const line = text.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? Number.NaN);
}

/** Starts it, and waits until it serves. */
export async function startEtcd() {
  const directory = mkdtempSync(join(tmpdir(), "vethwork-bench-"));
  const line = {
    "--name": "bench",
    "--data-dir": directory,
    "--log-level": "error",
    "--listen-client-urls": client,
    "--advertise-client-urls": client,
    "--listen-peer-urls": peer,
    "--initial-advertise-peer-urls": peer,
    "--initial-cluster": `bench=${peer}`,
  };
  const child = spawn("etcd", Object.entries(line).flat(), { stdio: "ignore" });
  const ended = once(child, "exit");
  // A cell that takes too long is ended.
  process.on("exit", () => child.kill("SIGKILL"));
  process.on("SIGTERM", () => process.exit(143));
  const answer = async () => (await fetch(`${client}/health`)).text();
  while (!(await answer().catch(() => "")).includes("true")) {
    if (child.exitCode !== null) throw new Error("etcd has ended");
    await sleep(50);
  }
  return {
    endpoint: client,
    /** @returns {Promise<Counts>} */
    count: async () => {
      const text = await (await fetch(`${client}/metrics`)).text();
      return {
        revisions: metric(text, "etcd_debugging_mvcc_current_revision"),
        messages: metric(
          text,
          'grpc_server_msg_sent_total{grpc_method="Watch",grpc_service="etcdserverpb.Watch",grpc_type="bidi_stream"}',
        ),
      };
    },
    end: async () => {
      child.kill("SIGKILL");
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
