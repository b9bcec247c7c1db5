// The namespaces of sandboxes: made, opened once, and given back.

import { existsSync } from "node:fs";
import { NetlinkError } from "../errors.ts";
import { setSysctl } from "../rtnl/forwarding.ts";
import {
  createNamespace,
  deleteNamespace,
  duplicateNamespace,
  type Namespace,
  openNamespace,
} from "../rtnl/namespace.ts";
import type { Context } from "./context.ts";
import { NetworkError } from "./errors.ts";
import type { Sandbox } from "./model.ts";
import type { PlanChange } from "./plan.ts";

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof NetlinkError && codes.includes(error.code);
}

/**
 * What is otherwise in the namespaces of containers: links without IPv6, but for `lo`, which is there
 * before; ports below 1024 and ICMP sockets for everybody inside.
 */
const containerSettings = {
  "net.ipv6.conf.default.disable_ipv6": 1,
  "net.ipv4.ip_unprivileged_port_start": 0,
  "net.ipv4.ping_group_range": "0 2147483647",
} as const;

/** Handles on the namespaces of sandboxes, one for each. */
export class SandboxNamespaces {
  readonly #open = new Map<string, Promise<Namespace>>();
  /** Sandboxes in whose place somebody else's namespace was found. */
  readonly #foreign = new Set<string>();

  /**
   * Makes the namespace of a new sandbox.
   *
   * @throws {NetworkError} `NAMESPACE_EXISTS` if there is one of that name, of somebody else.
   */
  async create(sandbox: Sandbox): Promise<Namespace> {
    const name = nameOf(sandbox);
    const made = createWithSettings(name).catch((cause: unknown) => {
      if (!isCode(cause, "EEXIST")) throw cause;
      this.#foreign.add(sandbox.id);
      throw exists(name, cause);
    });
    return await this.#keep(sandbox.id, made);
  }

  /** @throws {NetworkError} `NAMESPACE_EXISTS` if there is a namespace of a new sandbox's name. */
  checkFree(name: string): void {
    // A file in memory: to have it looked up elsewhere would take a hundred times as long.
    if (existsSync(fileOf(name))) throw exists(name);
  }

  /**
   * The namespace of a sandbox that has one of its own.
   *
   * @throws {NetworkError} `NAMESPACE_MISSING` if it is gone.
   */
  async open(sandbox: Sandbox): Promise<Namespace> {
    const known = this.#open.get(sandbox.id);
    if (known !== undefined) return await known;
    const { namespace } = sandbox;
    if (namespace === undefined) throw missing(sandbox);
    const opened = openNamespace(namespace).catch((cause: unknown) => {
      throw isCode(cause, "ENOENT", "EINVAL") ? missing(sandbox, cause) : cause;
    });
    return await this.#keep(sandbox.id, opened);
  }

  /** The same, `undefined` if it is gone, or somebody else's. */
  async find(sandbox: Sandbox): Promise<Namespace | undefined> {
    if (this.#foreign.has(sandbox.id)) return undefined;
    return await this.open(sandbox).catch((error: unknown) => {
      if (error instanceof NetworkError && error.code === "NAMESPACE_MISSING") return undefined;
      throw error;
    });
  }

  /** The same, if the one that is open is still the one that goes by the sandbox's place. */
  async verify(sandbox: Sandbox): Promise<Namespace | undefined> {
    const { namespace: place } = sandbox;
    const known = await this.find(sandbox);
    if (known === undefined || place === undefined) return known;
    if (await goesBy(sandbox, known)) return known;
    await this.close(sandbox.id);
    return await this.find(sandbox);
  }

  /** Another handle on the namespace in which a sandbox lives, which is the caller's. */
  async duplicate({ host, plan }: Context, sandbox: Sandbox): Promise<Namespace> {
    const owner = plan.sandboxes.get(sandbox.joins ?? sandbox.id)?.value ?? sandbox;
    if (owner.mode === "host") return await duplicateNamespace(host);
    if (owner.namespace === undefined) throw missing(sandbox);
    return await openNamespace(owner.namespace).catch((cause: unknown) => {
      throw isCode(cause, "ENOENT", "EINVAL") ? missing(sandbox, cause) : cause;
    });
  }

  /** Takes a sandbox's namespace away, if it is there and has not become somebody else's. */
  async delete(sandbox: Sandbox): Promise<void> {
    if (this.#foreign.delete(sandbox.id)) return;
    const known = await this.#open.get(sandbox.id)?.catch(() => undefined);
    const isOurs = known === undefined || (await goesBy(sandbox, known));
    await this.close(sandbox.id);
    if (!isOurs) return;
    const name = nameOf(sandbox);
    await deleteNamespace(name).catch((error: unknown) => {
      // Who may not unmount is told so even of what is not there, where it was not made either.
      if (!isCode(error, "ENOENT") && existsSync(fileOf(name))) throw error;
    });
  }

  /** Gives the handle back, and takes the namespace away if it is one that was made here. */
  async abandon(sandbox: Sandbox): Promise<void> {
    if (sandbox.adopted || !this.#open.has(sandbox.id)) await this.close(sandbox.id);
    else await this.delete(sandbox);
  }

  /** Gives the handle on a sandbox's namespace back that another controller has removed. */
  follow({ noun, before, after }: PlanChange): void {
    if (noun !== "sandboxes" || before === undefined || after !== undefined) return;
    this.#foreign.delete(before.value.id);
    // One that cannot be closed is closed.
    this.close(before.value.id).catch(() => undefined);
  }

  /** Gives the handle back. */
  async close(id: string): Promise<void> {
    const handle = this.#open.get(id);
    this.#open.delete(id);
    await (await handle?.catch(() => undefined))?.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.close(id)));
  }

  async #keep(id: string, opening: Promise<Namespace>): Promise<Namespace> {
    this.#open.set(id, opening);
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(id);
      throw error;
    }
  }
}

/** Without those settings that this kernel or user namespace does not have. */
async function createWithSettings(name: string): Promise<Namespace> {
  try {
    return await createNamespace({ name, settings: containerSettings });
  } catch (error) {
    if (!isCode(error, "ENOENT", "EINVAL")) throw error;
  }
  const namespace = await createNamespace({ name });
  await Promise.all(
    Object.entries(containerSettings).map(([key, value]) =>
      setSysctl(namespace, key, value).catch((error: unknown) => {
        if (!isCode(error, "ENOENT", "EINVAL")) throw error;
      }),
    ),
  );
  return namespace;
}

function nameOf({ namespace, name }: Sandbox): string {
  return namespace !== undefined && "name" in namespace ? namespace.name : name;
}

/** The file that stands for the namespace of a name. */
function fileOf(name: string): string {
  return `/run/netns/${name}`;
}

/** Whether a namespace is the one that goes by the sandbox's place now. */
async function goesBy({ namespace: place }: Sandbox, known: Namespace): Promise<boolean> {
  if (place === undefined) return false;
  try {
    await using present = await openNamespace(place);
    return present.inode === known.inode;
  } catch (error) {
    if (!isCode(error, "ENOENT", "EINVAL")) throw error;
    return false;
  }
}

function exists(name: string, cause?: unknown): NetworkError {
  const reason = "there is a namespace of that name";
  const details = { operation: "createSandbox", subject: name, reason, cause };
  return new NetworkError("NAMESPACE_EXISTS", details);
}

function missing({ name }: Sandbox, cause?: unknown): NetworkError {
  const reason = "its namespace is gone";
  const details = { operation: "openSandbox", subject: name, reason, cause };
  return new NetworkError("NAMESPACE_MISSING", details);
}
