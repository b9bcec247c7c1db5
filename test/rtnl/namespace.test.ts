// Namespaces, against `ip netns`, /proc and what is left of closed ones.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readlinkSync, statSync } from "node:fs";
import { setImmediate, setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import {
  createLink,
  createNamespace,
  deleteNamespace,
  findLink,
  getLink,
  getNamespaceId,
  listLinks,
  listNamespaces,
  type Namespace,
  type NamespaceOptions,
  type NamespacePlace,
  openNamespace,
  setLink,
  setNamespaceId,
} from "../../lib/index.ts";
import { needs } from "../support/features.ts";
import { inside, ip, withSandboxes } from "../support/sandbox.ts";

const run = promisify(execFile);

let made = 0;
/** A name that no other test file takes. */
function freshName(): string {
  made += 1;
  return `vethwork-${process.pid}-test${made}`;
}

/** Whether `ip netns` knows a name. */
async function ipKnows(name: string): Promise<boolean> {
  const { stdout } = await run("ip", ["-j", "netns", "list"]);
  const rows: { name: string }[] = stdout.trim() === "" ? [] : JSON.parse(stdout);
  return rows.some((row) => row.name === name);
}

function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((number) => {
    try {
      return [readlinkSync(`/proc/self/fd/${number}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
}

/** Waits until something holds; fails after five seconds. */
async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it did not come to hold within five seconds");
    await setTimeout(20);
  }
}

/** A fixture in a process of its own; resolves with its output and end. */
function startFixture(name: string, ...args: string[]) {
  const path = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  return spawn(process.execPath, ["--expose-gc", path, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

describe("named namespaces", () => {
  test("are seen and deleted by ip netns", async () => {
    const name = freshName();
    await using namespace = await createNamespace({ name });
    expect(namespace.name).toBe(name);
    expect(await ipKnows(name)).toBe(true);
    expect(statSync(`/run/netns/${name}`).ino).toBe(namespace.inode);
    await run("ip", ["netns", "delete", name]);
    expect((await listNamespaces()).map((entry) => entry.name)).not.toContain(name);
    await expect(openNamespace({ name })).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("made by ip netns are opened, listed and deleted", async () => {
    const name = freshName();
    await run("ip", ["netns", "add", name]);
    expect((await listNamespaces()).map((entry) => entry.name)).toContain(name);
    const namespace = await openNamespace({ name });
    expect((await getLink(namespace, 1)).name).toBe("lo");
    await namespace.close();
    await deleteNamespace(name);
    expect(await ipKnows(name)).toBe(false);
    expect(existsSync(`/run/netns/${name}`)).toBe(false);
  });

  test("outlive their handle, with what is in them", async () => {
    const name = freshName();
    const namespace = await createNamespace({ name });
    await createLink(namespace, { kind: "bridge", name: "br0" });
    await namespace.close();
    await using again = await openNamespace({ name });
    expect((await getLink(again, { name: "br0" })).kind).toBe("bridge");
    await deleteNamespace(name);
  });

  test("work on through an open handle after their name is deleted", async () => {
    const name = freshName();
    await using namespace = await createNamespace({ name });
    await deleteNamespace(name);
    await createLink(namespace, { kind: "bridge", name: "br0" });
    expect(await listLinks(namespace)).toHaveLength(2);
  });

  test("are refused with EEXIST if the name is taken, and nothing is left behind", async () => {
    const name = freshName();
    await using namespace = await createNamespace({ name });
    const before = openFiles().length;
    const again = createNamespace({ name });
    await expect(again).rejects.toMatchObject({ code: "EEXIST", operation: "createNamespace" });
    expect(openFiles().length).toBeLessThanOrEqual(before + 1); // a worker's way home
    expect(statSync(`/run/netns/${name}`).ino).toBe(namespace.inode);
    await deleteNamespace(name);
  });

  test("are refused with ENOENT when deleted or opened twice", async () => {
    const name = freshName();
    await expect(deleteNamespace(name)).rejects.toMatchObject({ code: "ENOENT" });
    await expect(openNamespace({ name })).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("are listed sorted, with the numbers that ip netns shows", async () => {
    await withSandboxes(3, async ([first, second, observer]) => {
      await setNamespaceId(observer, second, 7);
      const peer = { name: "eth0", namespace: observer };
      await createLink(first, { kind: "veth", name: "a0", peer });
      const shown: { name: string; id?: number }[] = JSON.parse(
        await inside(observer, "ip", "-j", "netns", "list"),
      );
      const theirs = new Map(shown.map(({ name, id }) => [name, id]));
      const ours = await listNamespaces(observer);
      expect(ours.map((entry) => entry.name)).toEqual(ours.map((entry) => entry.name).sort());
      for (const { name } of [first, second, observer]) {
        expect(ours.find((entry) => entry.name === name)?.id, name).toBe(theirs.get(name));
      }
      expect(theirs.get(second.name)).toBe(7);
      expect(await getNamespaceId(observer, second)).toBe(7);
      expect(await getNamespaceId(second, observer)).toBeUndefined();
      const numbers: { nsid: number }[] = JSON.parse(
        await inside(observer, "ip", "-j", "netns", "list-id"),
      );
      expect(numbers.map(({ nsid }) => nsid)).toContain(7);
    });
  });

  test("keep the number that they have", async () => {
    await withSandboxes(2, async ([observer, observed]) => {
      await setNamespaceId(observer, observed, 3);
      const again = setNamespaceId(observer, observed, 4);
      await expect(again).rejects.toMatchObject({ code: "EEXIST" });
      expect(await getNamespaceId(observer, observed)).toBe(3);
    });
  });
});

/** The inode that a name stands for; undefined if it is gone meanwhile. */
function inodeOfName(name: string): number | undefined {
  return statSync(`/run/netns/${name}`, { throwIfNoEntry: false })?.ino;
}

describe("anonymous namespaces", () => {
  test("have no name, and go with their handle", async () => {
    await withSandboxes(1, async ([host]) => {
      const guest = await createNamespace();
      expect(guest.name).toBeUndefined();
      // Other test files come and go there meanwhile, so only this namespace is looked for.
      const named = readdirSync("/run/netns").map((name) => inodeOfName(name));
      expect(named).toContain(host.inode);
      expect(named).not.toContain(guest.inode);
      const peer = { name: "eth0", namespace: guest };
      await createLink(host, { kind: "veth", name: "a0", peer });
      await guest.close();
      await until(async () => (await findLink(host, { name: "a0" })) === undefined);
    });
  });

  test("go with a process that is killed, and take the far ends of their links along", async () => {
    await withSandboxes(1, async ([host]) => {
      const child = startFixture("hold-namespace.mjs", host.name);
      const exit = once(child, "exit");
      await once(child.stdout, "data");
      expect((await getLink(host, { name: "held0" })).kind).toBe("veth");
      child.kill("SIGKILL");
      await exit;
      await until(async () => (await findLink(host, { name: "held0" })) === undefined);
    });
  });

  test("go when their handle is forgotten and collected", async () => {
    const child = startFixture("forget-namespaces.mjs");
    let output = "";
    child.stdout.on("data", (text) => {
      output += text;
    });
    const [code] = await once(child, "close");
    expect(output.trim()).toBe("20 open, then 0");
    expect(code).toBe(0);
  });
});

describe("opening", () => {
  test("by path, by process and without an argument finds the same namespace", async () => {
    const inode = statSync("/proc/self/ns/net").ino;
    await using current = await openNamespace();
    await using byPath = await openNamespace({ path: "/proc/self/ns/net" });
    await using byProcess = await openNamespace({ pid: process.pid });
    expect([current.inode, byPath.inode, byProcess.inode]).toEqual([inode, inode, inode]);
    expect(current.name).toBeUndefined();
  });

  test("a process's namespace finds the one that the process is in", async () => {
    await withSandboxes(1, async ([sandbox]) => {
      const child = spawn("ip", ["netns", "exec", sandbox.name, "sleep", "60"]);
      const exit = once(child, "exit");
      try {
        const pid = child.pid ?? 0;
        await until(() => statSync(`/proc/${pid}/ns/net`).ino === sandbox.inode);
        await using opened = await openNamespace({ pid });
        expect(opened.inode).toBe(sandbox.inode);
      } finally {
        child.kill();
        await exit;
      }
    });
  });

  test("a file that is no namespace is refused with EINVAL", async () => {
    for (const path of ["/etc/passwd", "/dev/null", "/proc/self/ns/uts", "/"]) {
      const refused = openNamespace({ path });
      await expect(refused, path).rejects.toMatchObject({ code: "EINVAL" });
    }
  });

  test("the namespace of a process that has ended is refused with ENOENT", async () => {
    const child = spawn("true");
    const pid = child.pid ?? 0;
    await once(child, "exit");
    await expect(openNamespace({ pid })).rejects.toMatchObject({ code: "ENOENT" });
    await expect(openNamespace({ path: "/none" })).rejects.toMatchObject({ code: "ENOENT" });
  });

  const wrong: [string, object][] = [
    ["no place at all", {}],
    ["two places", { pid: 1, path: "/proc/1/ns/net" }],
    ["an unknown place", { inode: 1 }],
    ["process 0", { pid: 0 }],
    ["process 1.5", { pid: 1.5 }],
    ["process 2 ** 31", { pid: 2 ** 31 }],
    ["an empty path", { path: "" }],
    ["a path with NUL", { path: "/proc\0" }],
    ["a name with a slash", { name: "a/b" }],
    ["a name that is no text", { name: 1 }],
  ];
  test.each(wrong)("%s is refused before anything is opened", async (_, place) => {
    const error = await openNamespace(place as NamespacePlace).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/) });
  });
});

describe("names", () => {
  const wrong: [string, unknown][] = [
    ["the empty name", ""],
    ["the name .", "."],
    ["the name ..", ".."],
    ["a name with a slash", "a/b"],
    ["a name with NUL", "a\0b"],
    ["a name of 256 bytes", "n".repeat(256)],
    ["a name of 128 two-byte letters", "ü".repeat(128)],
    ["a name that is a number", 7],
    ["a name that is null", null],
  ];
  test.each(wrong)("%s is refused", async (_, name) => {
    const options = { name } as NamespaceOptions;
    const error = await createNamespace(options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ property: "name", code: expect.stringMatching(/^ERR_/) });
    const deleted = await deleteNamespace(name as string).catch((reason: unknown) => reason);
    expect(deleted).toMatchObject({ property: "name" });
  });

  test("a name of 255 bytes is taken", async () => {
    const name = freshName().padEnd(255, "x");
    await using namespace = await createNamespace({ name });
    expect(statSync(`/run/netns/${name}`).ino).toBe(namespace.inode);
    await deleteNamespace(name);
  });

  test("a name that a shell would misread is taken as it is", async () => {
    const name = `${freshName()} $(x) ü`;
    await using namespace = await createNamespace({ name });
    expect((await listNamespaces()).map((entry) => entry.name)).toContain(name);
    expect(namespace.name).toBe(name);
    await deleteNamespace(name);
  });
});

describe("options", () => {
  test("lo is up unless it is said not to be", async () => {
    await using up = await createNamespace();
    await using down = await createNamespace({ loopback: false });
    expect((await getLink(up, 1)).up).toBe(true);
    expect((await getLink(down, 1)).up).toBe(false);
  });

  test("without IPv6 no link gets an address of it", async (context) => {
    await needs("ipv6", context);
    await withSandboxes(
      1,
      async ([sandbox]) => {
        await createLink(sandbox, { kind: "veth", name: "a0", peer: { name: "a1" }, up: true });
        await setLink(sandbox, { name: "a1" }, { up: true });
        expect(await ip(sandbox, "-6", "address")).toEqual([]);
        for (const place of ["all", "default", "lo", "a0"]) {
          const path = `/proc/sys/net/ipv6/conf/${place}/disable_ipv6`;
          expect((await inside(sandbox, "cat", path)).trim(), place).toBe("1");
        }
      },
      { ipv6: false },
    );
  });

  test("with IPv6 lo has its address", async (context) => {
    await needs("ipv6", context);
    await withSandboxes(1, async ([sandbox]) => {
      const [lo] = await ip(sandbox, "-6", "address", "show", "dev", "lo");
      expect(lo.addr_info[0]).toMatchObject({ local: "::1" });
    });
  });

  test("unknown and wrong ones are refused", async () => {
    const create = (options: object) => createNamespace(options as NamespaceOptions);
    await expect(create({ colour: 1 })).rejects.toMatchObject({ property: "colour" });
    await expect(create({ loopback: 1 })).rejects.toMatchObject({ property: "loopback" });
    await expect(create({ ipv6: "no" })).rejects.toMatchObject({ property: "ipv6" });
  });
});

describe("closing", () => {
  const closed = { code: "ERR_NAMESPACE_CLOSED" };

  test("twice, and both at once, is no error", async () => {
    const namespace = await createNamespace();
    await Promise.all([namespace.close(), namespace.close()]);
    await namespace.close();
  });

  test("happens at the end of await using", async () => {
    let kept: Namespace;
    {
      await using namespace = await createNamespace();
      kept = namespace;
      expect(namespace.inode).toBeGreaterThan(0);
    }
    expect(() => kept.inode).toThrow(expect.objectContaining(closed));
    await expect(listLinks(kept)).rejects.toMatchObject(closed);
  });

  test("waits for the calls in flight, which are all answered", async () => {
    const namespace = await createNamespace();
    let answered = 0;
    const calls = Array.from({ length: 200 }, async (_, number) => {
      await setLink(namespace, 1, { mtu: 60_000 + number });
      answered += 1;
    });
    await namespace.close();
    await setImmediate(); // promises that are settled together are heard of one after the other
    expect(answered).toBe(200);
    await Promise.all(calls);
  });

  test("refuses the calls that are made after it, at once", async () => {
    const namespace = await createNamespace();
    const closing = namespace.close();
    await expect(listLinks(namespace)).rejects.toMatchObject(closed);
    await closing;
  });

  test("makes the handle useless as the place of a peer or of a link", async () => {
    await withSandboxes(1, async ([host]) => {
      const guest = await createNamespace();
      await guest.close();
      const peer = { name: "eth0", namespace: guest };
      const pair = createLink(host, { kind: "veth", name: "a0", peer });
      await expect(pair).rejects.toBeInstanceOf(TypeError);
      await expect(pair).rejects.toThrow(/closed/);
      const link = createLink(host, { kind: "bridge", name: "br0", namespace: guest });
      await expect(link).rejects.toThrow(/closed/);
      expect(await listLinks(host)).toHaveLength(1);
    });
  });

  test("leaves a namespace open for the call that was given it before", async () => {
    await withSandboxes(2, async ([host, guest]) => {
      const handle = await openNamespace({ name: guest.name });
      const peer = { name: "eth0", namespace: handle };
      const call = createLink(host, { kind: "veth", name: "a0", peer });
      await handle.close();
      await call;
      expect((await getLink(guest, { name: "eth0" })).kind).toBe("veth");
    });
  });

  test("closes the descriptors", async () => {
    const count = (): number => openFiles().filter((name) => /^(net|socket):/.test(name)).length;
    const warm = await createNamespace();
    await listLinks(warm);
    await warm.close();
    const before = count();
    const namespaces = await Promise.all(Array.from({ length: 50 }, () => createNamespace()));
    await Promise.all(namespaces.map((namespace) => listLinks(namespace)));
    expect(count()).toBeGreaterThanOrEqual(before + 100);
    await Promise.all(namespaces.map((namespace) => namespace.close()));
    expect(count()).toBeLessThanOrEqual(before + 4); // the ways home of workers started since
  });
});
