// A bridge that is full.

import { expect, test } from "vitest";
import { createLink, deleteLink, findLink, NetlinkError, setLink } from "../../lib/index.ts";
import { ip, withSandboxes } from "../support/sandbox.ts";

/** BR_MAX_PORTS of net/bridge/br_private.h: numbers of ten bits, of which 0 is nobody's. */
const most = 1023;

test("a bridge refuses the port after its last one by name, and nothing is left of it", {
  timeout: 120_000,
}, async () => {
  await withSandboxes(1, async ([sandbox]) => {
    const master = { name: "br0" };
    await createLink(sandbox, { kind: "bridge", ...master });
    const add = (name: string) => createLink(sandbox, { kind: "veth", name, master });
    await Promise.all(Array.from({ length: most }, (_, n) => add(`port${n}`)));
    expect(await ip(sandbox, "link", "show", "master", "br0")).toHaveLength(most);
    const full = { code: "EXFULL", errno: 54 };
    const created = await add("more").catch((error: unknown) => error);
    expect(created).toBeInstanceOf(NetlinkError);
    expect(created).toMatchObject({ ...full, operation: "createLink" });
    expect(String(created)).toContain("the bridge has as many ports as it takes");
    expect(await findLink(sandbox, { name: "more" })).toBeUndefined();
    await createLink(sandbox, { kind: "veth", name: "more" });
    const set = await setLink(sandbox, { name: "more" }, { master }).catch(
      (error: unknown) => error,
    );
    expect(set).toMatchObject({ ...full, operation: "setLink" });
    await deleteLink(sandbox, { name: "port0" });
    await setLink(sandbox, { name: "more" }, { master });
    const [more] = await ip(sandbox, "link", "show", "more");
    expect(more.master).toBe("br0");
  });
});
