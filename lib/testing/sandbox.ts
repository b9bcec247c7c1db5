// Namespaces for a test.

import { refuseUnknown } from "../errors.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { openTransaction, type Transaction } from "../transaction/transaction.ts";

/** What a sandbox is like. */
export interface SandboxOptions {
  /**
   * A name in `/run/netns`, so that `ip -n NAME` can look into it. Default: none; nothing of it is
   * left then whatever ends the process.
   */
  readonly name?: string;
  /** Whether links get IPv6 addresses. Default: true. */
  readonly ipv6?: boolean;
}

/** A namespace that goes, with its name and all that is in it, when it is disposed of. */
export type Sandbox = Namespace & AsyncDisposable;

/** Makes a sandbox that a transaction owns, which has it go at a signal as well. @internal */
export async function createSandbox(
  tx: Transaction,
  { name, ipv6 = true }: SandboxOptions,
): Promise<Sandbox> {
  return await tx.createNamespace({ ipv6, ...(name !== undefined && { name }) });
}

async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  const tx = openTransaction();
  try {
    const namespace = await createSandbox(tx, options);
    const value = () => tx.rollback();
    return Object.defineProperty(namespace, Symbol.asyncDispose, { value });
  } catch (error) {
    await tx.rollback();
    throw error;
  }
}

/**
 * Makes a namespace for a test: with `lo` up, and nothing else.
 *
 * ```ts
 * await using box = await sandbox(); // goes with the block
 * await sandbox(async (box) => console.log(await listLinks(box))); // goes with the call
 * ```
 *
 * It goes when it is disposed of, when the callback ends, or when the process is told to stop.
 *
 * @throws as `createNamespace`.
 */
export async function sandbox(options?: SandboxOptions): Promise<Sandbox>;
export async function sandbox<T>(
  test: (sandbox: Sandbox) => Promise<T>,
  options?: SandboxOptions,
): Promise<T>;
export async function sandbox<T>(
  first: SandboxOptions | ((sandbox: Sandbox) => Promise<T>) = {},
  second: SandboxOptions = {},
): Promise<Sandbox | T> {
  const options = typeof first === "function" ? second : first;
  refuseUnknown("options", options, ["name", "ipv6"]);
  if (typeof first !== "function") return await openSandbox(options);
  await using box = await openSandbox(options);
  return await first(box);
}
