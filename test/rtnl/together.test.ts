// Deletions that are made at the same time, against what they are one by one.

import { describe, expect, test } from "vitest";
import { createLink, deleteLink, findLink, listLinks, moveLink } from "../../lib/index.ts";
import { ip, withSandboxes } from "../support/sandbox.ts";

describe("deletions that are made at the same time", () => {
  test("have each their own result, and the links that stay keep their groups", () =>
    withSandboxes(
      1,
      async ([sandbox]) => {
        const bridge = await createLink(sandbox, { kind: "bridge", name: "br0" });
        await Promise.all(
          Array.from({ length: 40 }, (_, n) =>
            createLink(sandbox, {
              kind: "veth",
              name: `a${n}`,
              group: n % 3,
              master: bridge,
              peer: { name: `b${n}` },
            }),
          ),
        );
        const names = [...Array.from({ length: 30 }, (_, n) => `a${n}`), "br0"];
        const deletions = names.map((name) => deleteLink(sandbox, { name }));
        const refused = ["lo", "none", "a0"].map((name) => deleteLink(sandbox, { name }));
        await Promise.all(deletions);
        const codes = (await Promise.allSettled(refused)).map(
          (outcome) => outcome.status === "rejected" && outcome.reason.code,
        );
        expect(codes).toEqual(["EOPNOTSUPP", "ENODEV", "ENODEV"]);

        const left = await ip(sandbox, "link", "show");
        expect(left.map(({ ifname }) => ifname).sort()).toEqual(
          ["lo", ...Array.from({ length: 10 }, (_, n) => [`a${n + 30}`, `b${n + 30}`])]
            .flat()
            .sort(),
        );
        for (const { name, group } of await listLinks(sandbox, { kind: "veth" })) {
          expect([name, group]).toEqual([
            name,
            name.startsWith("a") ? Number(name.slice(1)) % 3 : 0,
          ]);
        }
      },
      { ipv6: false },
    ));

  test("keep their place before and after a move", () =>
    withSandboxes(2, async ([sandbox, other]) => {
      for (const name of ["a", "b", "c"]) {
        await createLink(sandbox, { kind: "veth", name, peer: { name: `${name}-far` } });
      }
      await Promise.all([
        deleteLink(sandbox, { name: "a" }),
        moveLink(sandbox, { name: "b" }, other),
        deleteLink(sandbox, { name: "c" }),
        deleteLink(sandbox, { name: "b-far" }),
      ]);
      expect(await listLinks(sandbox, { kind: "veth" })).toEqual([]);
      expect(await findLink(other, { name: "b" })).toBeUndefined();
    }));
});
