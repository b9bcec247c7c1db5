// What the process may not do, or not write, that networks need.

import { access, constants, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { NetlinkError } from "../../errors.ts";
import { createNamespace } from "../../rtnl/namespace.ts";
import type { Context } from "../context.ts";
import { foreignDrops } from "../nat/firewall.ts";
import type { Diagnosis } from "./diagnosis.ts";

/** The capabilities that networks need, by their numbers (linux/capability.h). */
const capabilities = { CAP_NET_ADMIN: 12n, CAP_SYS_ADMIN: 21n } as const;

type Capability = keyof typeof capabilities;

/** Whether something is permitted, by trying it. */
async function permitted(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (error instanceof NetlinkError && ["EPERM", "EACCES"].includes(error.code)) return false;
    throw error;
  }
}

/** Why a capability that is needed does not help: it is not there, or something withholds it. */
async function withheld(capability: Capability): Promise<Pick<Diagnosis, "problem" | "fix">> {
  const status = await readFile("/proc/self/status", "utf8");
  const fieldOf = (field: string) => new RegExp(`^${field}:\\s*(\\w+)$`, "m").exec(status)?.[1];
  const effective = BigInt(`0x${fieldOf("CapEff") ?? "0"}`);
  if ((effective & (1n << capabilities[capability])) === 0n) {
    return {
      problem: `it does not have ${capability}`,
      fix: "run it as root, or in namespaces of its own: unshare -Urnm",
    };
  }
  if (fieldOf("Seccomp") === "2") {
    return {
      problem: `it has ${capability}, but a seccomp profile withholds what that permits`,
      fix: "run it with a profile that allows setns(), unshare() and mount(), as Docker's does with --cap-add SYS_ADMIN",
    };
  }
  return {
    problem: `it has ${capability}, but not where the network namespaces of process and host belong`,
    fix: "run it in the user namespace that those were made in, or in namespaces of its own: unshare -Urnm",
  };
}

/** The capabilities count in the user namespaces that own the things, so nothing but trying tells. */
export async function missingCapabilities({ host }: Context): Promise<Diagnosis[]> {
  const may: Readonly<Record<Capability, boolean>> = {
    CAP_NET_ADMIN: await permitted(() => foreignDrops(host)),
    CAP_SYS_ADMIN: await permitted(async () =>
      (await createNamespace({ loopback: false })).close(),
    ),
  };
  const missing = (Object.keys(may) as Capability[]).filter((capability) => !may[capability]);
  return await Promise.all(
    missing.map(async (capability): Promise<Diagnosis> => {
      const why = await withheld(capability);
      return { code: "CAPABILITY_MISSING", level: "error", subject: "this process", ...why };
    }),
  );
}

/** Where networks write, by what they write there. */
const places = {
  "/proc/sys/net/ipv4/ip_forward": "the host's settings",
  "/etc/netns": "the files by which programs in sandboxes find names",
  "/run/netns": "the names of sandboxes",
} as const;

/** Why nobody can write there, the directory above if there is no such; `undefined` if one can. */
async function hindrance(path: string): Promise<string | undefined> {
  try {
    await access(path, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? await hindrance(dirname(path)) : `${path} (${code})`;
  }
}

/** What cannot be written, as in a container with a read-only root. */
export async function unwritablePlaces(): Promise<Diagnosis[]> {
  const all = await Promise.all(
    Object.entries(places).map(async ([path, what]): Promise<Diagnosis[]> => {
      const where = await hindrance(path);
      if (where === undefined) return [];
      return [
        {
          code: "NOT_WRITABLE",
          level: "error",
          subject: what,
          problem: `the process cannot write ${where}`,
          fix: path.startsWith("/proc/sys")
            ? "mount /proc/sys writable: docker run --privileged, or --security-opt systempaths=unconfined"
            : `mount something writable on ${path}: docker run --tmpfs ${path}`,
        },
      ];
    }),
  );
  return all.flat();
}
