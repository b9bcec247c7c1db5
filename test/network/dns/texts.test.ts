// The texts of resolv.conf and hosts, and what may not get into them.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { renderHosts } from "../../../lib/network/dns/hosts.ts";
import {
  isHostOnly,
  renderResolvConf,
  sandboxResolvConf,
} from "../../../lib/network/dns/resolv-conf.ts";
import { parseResolvConf, type ResolvConf } from "../../../lib/values/resolv-conf.ts";
import { outOfRange, wrongType } from "../../support/sandbox.ts";

function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
}

const host: ResolvConf = {
  nameservers: ["198.51.100.1"],
  search: ["corp.example"],
  options: ["timeout:2"],
};

describe("resolv.conf", () => {
  test("of the host passes on what may be in one", () => {
    const text = [
      "# nameserver 203.0.113.1",
      "; search wrong.example",
      "domain first.example second.example",
      "nameserver\t198.51.100.1   and more",
      "nameserver fe80::1%eth0",
      "nameserver 127.0.0.53 # systemd",
      "nameserver nonsense",
      "nameserver",
      "search corp.example. sub.corp.example bad/name",
      "options timeout:2 edns0",
      "options rotate b@d",
      "unknown line",
    ].join("\n");
    const parsed = parseResolvConf(text);
    expect(parsed.nameservers).toEqual(["198.51.100.1", "fe80::1%eth0", "127.0.0.53"]);
    expect(sandboxResolvConf("127.0.0.11", parsed)).toEqual({
      nameservers: ["127.0.0.11"],
      search: ["corp.example", "sub.corp.example"],
      options: ["timeout:2", "edns0", "rotate", "ndots:0"],
    });
    expect(parseResolvConf("search a.example\ndomain b.example c.example").search).toEqual([
      "b.example",
    ]);
    expect(parseResolvConf("search .").search).toEqual(["."]);
    expect(parseResolvConf("")).toEqual({ nameservers: [], search: [], options: [] });
  });

  test("of a sandbox has the host's settings, or the user's, as Docker's", () => {
    const rendered = (wishes?: object) =>
      renderResolvConf(sandboxResolvConf("127.0.0.11", host, wishes)).split("\n");
    expect(rendered()).toEqual([
      "nameserver 127.0.0.11",
      "search corp.example",
      "options timeout:2 ndots:0",
      "",
    ]);
    expect(rendered({ search: ["a.example", "b.example."] })[1]).toBe("search a.example b.example");
    expect(rendered({ search: ["."] })[1]).toBe("search .");
    expect(rendered({ search: [] })[1]).toBe("options timeout:2 ndots:0");
    expect(rendered({ options: ["ndots:3"] })[2]).toBe("options ndots:3");
    expect(rendered({ options: ["rotate"] })[2]).toBe("options rotate ndots:0");
    expect(thrownBy(() => rendered({ dns: [] }))).toMatchObject(wrongType("dns"));
    expect(thrownBy(() => rendered({ options: "rotate" }))).toMatchObject(wrongType("options"));
    expect(thrownBy(() => rendered({ search: ["a b"] }))).toMatchObject(outOfRange("search[0]"));
  });

  test("is read back as it was written", () => {
    const conf: ResolvConf = {
      ...host,
      nameservers: ["198.51.100.1", "2001:db8::1", "fe80::1%eth0"],
    };
    expect(parseResolvConf(renderResolvConf(conf))).toEqual(conf);
  });

  test.for([
    ["127.0.0.53", true],
    ["127.0.0.1", true],
    ["::1", true],
    ["0:0:0:0:0:0:0:1", true],
    ["::ffff:127.0.0.1", true],
    ["0.0.0.0", true],
    ["fe80::1%eth0", true],
    ["198.51.100.1", false],
    ["2001:db8::127", false],
    ["10.127.0.0", false],
  ] as const)("has %s, which only the host can ask: %s", ([address, hostOnly]) => {
    expect(isHostOnly(address)).toBe(hostOnly);
  });

  const evil = [
    "a\nnameserver 203.0.113.66",
    "a b",
    "a\tb",
    "a#b",
    "a;b",
    "a\0b",
    "a\u2028b",
    "a/b",
    "..",
    "",
    "x".repeat(300),
  ];

  test.for(evil)("takes nothing that is more than it should be: %j", (value) => {
    const refused = (conf: Partial<ResolvConf>) =>
      thrownBy(() => renderResolvConf({ ...host, ...conf }));
    const nameservers = ["198.51.100.1", value];
    expect(refused({ nameservers })).toMatchObject(outOfRange("nameservers[1]"));
    expect(refused({ search: [value] })).toMatchObject(outOfRange("search[0]"));
    expect(refused({ options: [value] })).toMatchObject(outOfRange("options[0]"));
    expect(refused({ options: [`ndots:${value}`] })).toMatchObject(outOfRange("options[0]"));
    if (value === "..") return;
    const zoned = { nameservers: [`fe80::1%${value}`] };
    expect(refused(zoned)).toMatchObject(outOfRange("nameservers[0]"));
  });

  test("takes lists of texts alone", () => {
    const refused = (conf: object) => thrownBy(() => renderResolvConf({ ...host, ...conf }));
    expect(refused({ nameservers: [5] })).toMatchObject(wrongType("nameservers[0]"));
    expect(refused({ search: "corp.example" })).toMatchObject(wrongType("search"));
    expect(refused({ options: undefined })).toMatchObject(wrongType("options"));
    expect(refused({ sortlist: [] })).toMatchObject(wrongType("sortlist"));
  });

  test("never has more lines than it should, whatever it is made of", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("a", "rotate", "::1", "1.2.3.4"),
    );
    const list = fc.array(text, { maxLength: 2 });
    fc.assert(
      fc.property(list, list, list, (nameservers, search, options) => {
        try {
          const lines = renderResolvConf({ nameservers, search, options }).split("\n");
          const some = Number(search.length > 0) + Number(options.length > 0);
          expect(lines).toHaveLength(1 + nameservers.length + some);
          expect(lines.join("")).toMatch(/^[\x20-\x7e]*$/);
        } catch (error) {
          expect(error).toHaveProperty("property");
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("hosts", () => {
  test("has the usual names, then those given", () => {
    const entries = [
      { address: "172.17.0.2", names: ["box"] },
      { address: "172.17.0.3", names: ["db", "0123456789ab", "db"] },
      { address: "FD00:0::3", names: ["db"] },
    ];
    const lines = renderHosts(entries).split("\n");
    expect(lines.slice(0, 2)).toEqual([
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
    ]);
    expect(lines.slice(6)).toEqual([
      "172.17.0.2\tbox",
      "172.17.0.3\tdb 0123456789ab",
      "fd00::3\tdb",
      "",
    ]);
  });

  test.for(["a\n203.0.113.66\tbank.example", "a b", "a#b", "-a", "", "a/b", "..", "x".repeat(300)])(
    "takes no name that is more: %j",
    (name) => {
      const entries = [{ address: "172.17.0.2", names: ["box", name] }];
      const error = thrownBy(() => renderHosts(entries));
      expect(error).toMatchObject(outOfRange("entries[0].names[1]"));
    },
  );

  test("refuses addresses that are none, and entries that are not whole", () => {
    const refused = (entry: unknown) => thrownBy(() => renderHosts([entry as never]));
    expect(refused({ address: "172.17.0.2 x", names: ["a"] })).toMatchObject(
      outOfRange("entries[0].address"),
    );
    expect(refused({ address: "172.17.0.2", names: [] })).toMatchObject(
      outOfRange("entries[0].names"),
    );
    expect(refused({ address: "172.17.0.2" })).toMatchObject(wrongType("entries[0].names"));
    expect(refused({ address: "::1", name: "a" })).toMatchObject(wrongType("entries[0].name"));
    expect(refused(undefined)).toMatchObject(wrongType("entries[0]"));
  });
});
