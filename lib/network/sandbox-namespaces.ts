// The namespaces of sandboxes: made, opened once, and given back.

import { NetlinkError } from "../errors.ts";
import {
  createNamespace,
  deleteNamespace,
  type Namespace,
  openNamespace,
} from "../rtnl/namespace.ts";
import type { Context } from "./context.ts";
import { NetworkError } from "./errors.ts";
import type { Sandbox } from "./model.ts";

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof NetlinkError && codes.includes(error.code);
}

/** Handles on the namespaces of sandboxes, one for each. */
export class SandboxNamespaces {
  readonly #open = new Map<string, Promise<Namespace>>();

  /**
   * Makes the namespace of a new sandbox.
   *
   * @throws {NetworkError} `NAMESPACE_EXISTS` if there is one of that name, of somebody else.
   */
  async create(sandbox: Sandbox): Promise<Namespace> {
    const name = nameOf(sandbox);
    const made = createNamespace({ name, ipv6: false }).catch((cause: unknown) => {
      if (!isCode(cause, "EEXIST")) throw cause;
      const reason = "there is a namespace of that name";
      const details = { operation: "createSandbox", subject: sandbox.name, reason, cause };
      throw new NetworkError("NAMESPACE_EXISTS", details);
    });
    return await this.#keep(sandbox.id, made);
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

  /** The same, `undefined` if it is gone. */
  async find(sandbox: Sandbox): Promise<Namespace | undefined> {
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
    try {
      await using present = await openNamespace(place);
      if (present.inode === known.inode) return known;
    } catch (error) {
      if (!isCode(error, "ENOENT", "EINVAL")) throw error;
      return undefined;
    }
    await this.close(sandbox.id);
    return await this.find(sandbox);
  }

  /** Another handle on the namespace in which a sandbox lives, which is the caller's. */
  async duplicate({ host, plan }: Context, sandbox: Sandbox): Promise<Namespace> {
    if (sandbox.mode === "host") return await openNamespace(placeOf(host));
    const owner = plan.sandboxes.get(sandbox.joins ?? sandbox.id)?.value ?? sandbox;
    if (owner.namespace === undefined) throw missing(sandbox);
    return await openNamespace(owner.namespace).catch((cause: unknown) => {
      throw isCode(cause, "ENOENT", "EINVAL") ? missing(sandbox, cause) : cause;
    });
  }

  /** Takes a sandbox's namespace away, if it is there. */
  async delete(sandbox: Sandbox): Promise<void> {
    await this.close(sandbox.id);
    await deleteNamespace(nameOf(sandbox)).catch((error: unknown) => {
      if (!isCode(error, "ENOENT")) throw error;
    });
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

function nameOf({ namespace, name }: Sandbox): string {
  return namespace !== undefined && "name" in namespace ? namespace.name : name;
}

/** Where the host's namespace is opened again. */
function placeOf(host: Namespace): { readonly name: string } | undefined {
  return host.name === undefined ? undefined : { name: host.name };
}

function missing({ name }: Sandbox, cause?: unknown): NetworkError {
  const reason = "its namespace is gone";
  const details = { operation: "openSandbox", subject: name, reason, cause };
  return new NetworkError("NAMESPACE_MISSING", details);
}
