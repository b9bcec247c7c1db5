// The resolv.conf and hosts of sandboxes: their texts, what may not get into them, and the files.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { removeSandboxFiles, writeSandboxFiles } from "../../../lib/network/dns/files.ts";
import { renderHosts } from "../../../lib/network/dns/hosts.ts";
import {
  isHostOnly,
  parseResolvConf,
  type ResolvConf,
  renderResolvConf,
  sandboxResolvConf,
} from "../../../lib/network/dns/resolv-conf.ts";
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
  test("is read as the C library reads it", () => {
    const text = [
      "# nameserver 203.0.113.1",
      "; search wrong.example",
      "domain first.example second.example",
      "nameserver\t198.51.100.1   and more",
      "nameserver fe80::1%eth0",
      "  nameserver 203.0.113.2",
      "nameserver 127.0.0.53",
      "nameserver nonsense",
      "nameserver",
      "search corp.example. sub.corp.example bad/name",
      "options timeout:2 edns0",
      "options rotate b@d",
      "unknown line",
    ].join("\n");
    expect(parseResolvConf(text)).toEqual({
      nameservers: ["198.51.100.1", "fe80::1%eth0", "127.0.0.53"],
      search: ["corp.example", "sub.corp.example"],
      options: ["timeout:2", "edns0", "rotate"],
    });
    expect(parseResolvConf("search a.example\ndomain b.example c.example").search).toEqual([
      "b.example",
    ]);
    expect(parseResolvConf("search .").search).toEqual(["."]);
    expect(parseResolvConf("")).toEqual({ nameservers: [], search: [], options: [] });
  });

  test("of a sandbox has the host's settings, or the user's, as Docker's", () => {
    const rendered = (wishes?: object) =>
      renderResolvConf(sandboxResolvConf("127.0.0.11", host, wishes))
        .split("\n")
        .slice(1);
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
          expect(lines).toHaveLength(2 + nameservers.length + some);
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

describe("files", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "vethwork-files-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const read = (name: string, file: string) => readFileSync(join(directory, name, file), "utf8");

  test("are written, changed and removed", async () => {
    await writeSandboxFiles("red", { hosts: "one\n", "resolv.conf": "two\n" }, directory);
    expect(read("red", "hosts")).toBe("one\n");
    expect(read("red", "resolv.conf")).toBe("two\n");
    expect(statSync(join(directory, "red", "hosts")).mode & 0o777).toBe(0o644);
    await writeSandboxFiles("red", { hosts: "three and more\n" }, directory);
    await writeSandboxFiles("red", { hosts: "4\n" }, directory);
    expect(read("red", "hosts")).toBe("4\n");
    expect(read("red", "resolv.conf")).toBe("two\n");
    await removeSandboxFiles("red", directory);
    await removeSandboxFiles("red", directory);
    // Nothing is left, temporary files neither.
    expect(readdirSync(directory)).toEqual([]);
  });

  test("of others in the directory stay", async () => {
    await writeSandboxFiles("red", { hosts: "one\n" }, directory);
    writeFileSync(join(directory, "red", "nsswitch.conf"), "theirs\n");
    await removeSandboxFiles("red", directory);
    expect(readdirSync(join(directory, "red"))).toEqual(["nsswitch.conf"]);
  });

  test("change under programs that have them mounted already", async () => {
    await writeSandboxFiles("red", { hosts: renderHosts([]) }, directory);
    const script = 'mount --bind "$1" /etc/hosts && echo && read line && getent hosts db';
    const args = ["-m", "--", "sh", "-c", script, "sh", join(directory, "red", "hosts")];
    const program = spawn("unshare", args, { stdio: ["pipe", "pipe", "inherit"] });
    await once(program.stdout, "data");
    const entries = [{ address: "172.17.0.3", names: ["db"] }];
    await writeSandboxFiles("red", { hosts: renderHosts(entries) }, directory);
    program.stdin.end("\n");
    const [said] = await once(program.stdout, "data");
    expect(String(said).trim().split(/\s+/)).toEqual(["172.17.0.3", "db"]);
    await once(program, "close");
    expect(execFileSync("getent", ["hosts", "localhost"], { encoding: "utf8" })).toContain(
      "localhost",
    );
  });

  test("are never without what stays in them", async () => {
    const texts = [1, 30, 5].map((lines) => "127.0.0.1\tlocalhost\n".repeat(lines));
    await writeSandboxFiles("red", { hosts: texts[0] ?? "" }, directory);
    let writing = true;
    const reading = (async () => {
      for (let reads = 0; writing || reads < 10; reads += 1) {
        expect(read("red", "hosts")).toMatch(/^127\.0\.0\.1\tlocalhost\n/);
        await new Promise(setImmediate);
      }
    })();
    const changing = (async () => {
      for (let n = 0; n < 300; n += 1) {
        await writeSandboxFiles("red", { hosts: texts[n % 3] ?? "" }, directory);
      }
    })();
    await Promise.all([
      changing.finally(() => {
        writing = false;
      }),
      reading,
    ]);
  });

  test("are not written through links, nor for names that are no file names", async () => {
    const outside = join(directory, "outside");
    writeFileSync(outside, "theirs");
    await writeSandboxFiles("red", { "resolv.conf": "" }, directory);
    symlinkSync(outside, join(directory, "red", "hosts"));
    const through = writeSandboxFiles("red", { hosts: "mine" }, directory);
    await expect(through).rejects.toMatchObject({ code: "ELOOP" });
    expect(readFileSync(outside, "utf8")).toBe("theirs");
    for (const name of ["", ".", "..", "a/b", "../x", "a\0b", "x".repeat(256)]) {
      const writing = writeSandboxFiles(name, { hosts: "" }, directory);
      await expect(writing).rejects.toMatchObject(outOfRange("name"));
      await expect(removeSandboxFiles(name, directory)).rejects.toMatchObject(outOfRange("name"));
    }
    const other = { passwd: "" } as object;
    await expect(writeSandboxFiles("red", other, directory)).rejects.toMatchObject(
      wrongType("passwd"),
    );
    const wrong = { hosts: 5 as unknown as string };
    await expect(writeSandboxFiles("blue", wrong, directory)).rejects.toMatchObject(
      wrongType("hosts"),
    );
    expect(readdirSync(directory).sort()).toEqual(["outside", "red"]);
  });
});
