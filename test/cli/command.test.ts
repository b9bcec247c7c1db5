// What all commands have in common: help, misuse, completion; and `vethwork top`.

import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { withSandboxes } from "../support/sandbox.ts";
import { eachOf, linesOf, main, vethwork, withDesk, wordsOf } from "./support.ts";

const run = promisify(execFile);

/** The names of all commands, as the help lists them. */
async function commandNames(path: readonly string[] = []): Promise<string[][]> {
  const { stdout } = await vethwork(...path, "--help");
  const [, list = ""] = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout) ?? [];
  const own = [...list.matchAll(/^ {2}(\w+) {2,}\S/gm)].map(([, name = ""]) => [...path, name]);
  return [...own, ...(await eachOf(own, commandNames)).flat()];
}

describe("help", () => {
  test("is there for every command, in either way to ask", async () => {
    const names = await commandNames();
    expect(names.map((path) => path.join(" "))).toEqual([
      ...["network", "sandbox", "host", "serve", "doctor", "topology", "top", "completion"],
      ...["network create", "network ls", "network inspect", "network rm", "network prune"],
      ...["network connect", "network disconnect", "sandbox create", "sandbox ls"],
      ...["sandbox inspect", "sandbox rm", "sandbox exec", "sandbox run", "host ls", "host rm"],
    ]);
    for (const path of names) {
      const { code, stdout, stderr } = await vethwork(...path, "--help");
      expect([path, code, stderr]).toEqual([path, 0, ""]);
      expect(stdout).toMatch(new RegExp(`^Usage: vethwork ${path.join(" ")}\\b`));
      expect(linesOf(stdout).filter((line) => line.length > 100)).toEqual([]);
    }
    const asked = await vethwork("help", "network", "create");
    expect(asked.stdout).toBe((await vethwork("network", "create", "--help")).stdout);
    expect((await vethwork()).stdout).toBe((await vethwork("--help")).stdout);
    expect((await vethwork("--version")).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("misuse", () => {
  test(
    "ends with 2, prints nothing, and says why",
    () =>
      withDesk(async ({ call, named, getJson }) => {
        const create = ["sandbox create", "--name", named("a")] as const;
        const misuses: [why: string, command: string, ...args: string[]][] = [
          ["NAME is missing", "network create"],
          ['"b" is one word too many', "network create", "a", "b"],
          ["Unknown option '--colour'", "network create", "--colour", "web"],
          ["Unknown option '-x'", "network create", "-x", "web"],
          ["name: must be 1 to 63", "network create", "a/b"],
          ["--opt must be like KEY=VALUE", "network create", "-o", "=1450", "web"],
          ['--subnet "x" is no IP', "network create", "--subnet", "x", "web"],
          ["--gateway 10.1.0.1 is in none of", "network create", "--gateway", "10.1.0.1", "web"],
          ["--aux-address must be like", "network create", "--aux-address", "10.1.0.1", "web"],
          ["argument missing", "network create", "web", "--driver"],
          ["--format must be one of table, json", "network ls", "--format", "xml"],
          ['--filter "colour=red" is unknown', "network ls", "--filter", "colour=red"],
          ["--filter type must be", "network ls", "--filter", "type=odd"],
          ["--filter scope must be local or", "network ls", "--filter", "scope=swarm"],
          ["--format must be one of table, json", "host ls", "--format", "yaml"],
          ["HOST is missing", "host rm"],
          ["--filter dangling must be", "network ls", "--filter", "dangling=perhaps"],
          ["--filter until", "network ls", "--filter", "until=soon"],
          ["NETWORK is missing", "network inspect"],
          ["NETWORK is missing", "network rm"],
          ["one word too many", "network prune", "web"],
          ["SANDBOX is missing", "network connect", "web"],
          ["--ip6 must be an IPv6 address", "network connect", "--ip6", "10.0.0.1", "web", "a"],
          ["--link must be like", "network connect", "--link", "a:b:c", "web", "a"],
          ["--gw-priority must be an integer", "network connect", "--gw-priority", "x", "web", "a"],
          ["SANDBOX is missing", "network disconnect", "web"],
          ["COMMAND is missing", "network"],
          ['there is no command "network make"', "network make"],
          ['there is no command "nonsense"', "nonsense"],
          ["stand alone", ...create, "--network", "none", "--network", "web"],
          ["--ip means nothing with", ...create, "--network", "host", "--ip", "10.0.0.1"],
          ['"colour=red" is unknown', ...create, "--network", "web:colour=red"],
          ["the name is missing", ...create, "--network", "ip=10.0.0.1,name="],
          ["--alias is given twice", ...create, "--network", "web:alias=x", "--alias", "y"],
          ["--ip must be an IPv4 address", ...create, "--ip", "999"],
          ["--mac-address: must be", ...create, "--mac-address", "99"],
          ["--publish: must be", ...create, "-p", "x"],
          ["--add-host must be like", ...create, "--add-host", "x"],
          ["--dns: must be an IP address", ...create, "--dns", "x"],
          ["--sysctl: is no setting below net", ...create, "--sysctl", "kernel.x=1"],
          ["--label: its name must be", ...create, "--label", "a b"],
          ["--name: must be 1 to 63", "sandbox create", "--name", "!"],
          ["SANDBOX is missing", "sandbox inspect"],
          ["one word too many", "sandbox ls", "a"],
          ["SANDBOX is missing", "sandbox rm"],
          ["SANDBOX is missing", "sandbox exec"],
          ["COMMAND is missing", "sandbox exec", "a"],
          ["COMMAND is missing", "sandbox run", "--rm"],
          ["--every must be an integer", "serve", "--every", "0"],
          ["--format must be one of text, json", "doctor", "--format", "table"],
          ["Unknown option '--host'", "topology"],
          ["Unknown option '--host'", "completion", "bash"],
        ];
        const ended = await eachOf(misuses, ([, command, ...args]) => call(command, ...args));
        for (const [position, { code, stdout, stderr }] of ended.entries()) {
          const [why = "", command, ...args] = misuses[position] ?? [];
          expect([command, ...args, code, stdout]).toEqual([command, ...args, 2, ""]);
          const [first, second] = linesOf(stderr);
          expect(first).toContain(`vethwork: `);
          expect(first).toContain(why);
          expect(second).toMatch(/^vethwork.* --help says what there is$/);
        }
        expect(await getJson("sandbox ls", "--format", "json")).toEqual([]);
        expect(await getJson("network ls", "--format", "json")).toEqual([]);
      }),
    60_000,
  );

  test("of what needs no host", async () => {
    const misuses = [
      ...[["completion"], ["completion", "csh"], ["top", "--period", "x"], ["--colour"]],
      ["--host", "a/b c", "network", "ls"],
    ];
    for (const args of misuses) expect([args, (await vethwork(...args)).code]).toEqual([args, 2]);
  });
});

describe("global options", () => {
  test("stand before the command, between its words, or behind them", () =>
    withDesk(async ({ options, get }) => {
      await get("network create", "web");
      const [host = "", name = "", ...store] = options;
      const orders = [
        [...options, "network", "ls", "-q"],
        ["network", ...options, "ls", "-q"],
        ["network", "ls", "-q", ...options],
        [`${host}=${name}`, "network", ...store, "ls", "-q"],
        [host, `/run/netns/${name}`, ...store, "network", "ls", "-q"],
      ];
      const printed = await eachOf(orders, (args) => vethwork(...args));
      for (const ended of printed) expect(ended).toEqual(printed[0]);
      expect(printed[0]?.stdout).toMatch(/^[0-9a-f]{12}\n$/);
    }));

  test("name a table of nftables, and a store in which hosts do not meet", () =>
    withDesk(async ({ host, world, options, get, named }) => {
      await get("network create", "web", "--table", "mine");
      const { stdout } = await run("ip", ["netns", "exec", host.name, "nft", "list", "tables"]);
      expect(stdout).toBe("table inet mine\n");
      const other = ["--host", world.name, ...options.slice(2)];
      expect((await vethwork(...other, "network", "ls", "-q")).stdout).toBe("");
      expect((await vethwork(...other, "network", "create", "web")).code).toBe(0);
      const path = `/proc/${process.pid}/ns/net`;
      const byPath = ["--host", path, ...options.slice(2), "network", "ls", "-q"];
      expect(await vethwork(...byPath)).toEqual({ code: 0, stdout: "", stderr: "" });
      expect(await vethwork("--host", named("no"), "network", "ls")).toMatchObject({ code: 1 });
    }));
});

describe("completion", () => {
  let script: Promise<string> | undefined;

  /** What bash offers for the last word. */
  const complete = async (...words: string[]) => {
    script ??= vethwork("completion", "bash").then(({ stdout }) => stdout);
    const ask = `complete -p vethwork >/dev/null || exit
      COMP_WORDS=(vethwork "$@"); COMP_CWORD=$#; _vethwork; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run("bash", ["-c", `${await script}\n${ask}`, "bash", ...words]);
    return wordsOf(stdout);
  };

  test("has bash complete commands, options, and the words that options take", async () => {
    expect(await complete("net")).toEqual(["network"]);
    expect(await complete("network", "")).toEqual([
      ...["create", "ls", "inspect", "rm", "prune", "connect", "disconnect"],
      ...["--host", "--store", "--table", "--help"],
    ]);
    expect(await complete("--host", "network", "sand")).toEqual(["sandbox"]);
    expect(await complete("network", "create", "--sub")).toEqual(["--subnet"]);
    expect(await complete("network", "create", "--driver", "")).toEqual([]);
    expect(await complete("network", "ls", "--format", "")).toEqual(["table", "json"]);
    expect(await complete("sandbox", "run", "-p", "80", "--network-a")).toEqual([
      "--network-alias",
    ]);
    expect(await complete("completion", "f")).toEqual(["fish"]);
  });

  test("knows every command and option of the help, in every shell", async () => {
    const paths = await commandNames();
    const helps = await eachOf(paths, (path) => vethwork(...path, "--help"));
    for (const [position, { stdout }] of helps.entries()) {
      const path = paths[position] ?? [];
      const options = [...stdout.matchAll(/^ {2}(?:-\w, | {4})((?:--[\w-]+(?:, )?)+)/gm)];
      const names = options.flatMap(([, list = ""]) => list.split(", "));
      expect(await complete(...path, "--")).toEqual([...names, "--help"].filter(Boolean));
    }
    for (const shell of ["zsh", "fish"]) {
      const { stdout } = await vethwork("completion", shell);
      for (const word of ["network-alias", "disconnect", "mermaid"]) expect(stdout).toContain(word);
    }
  });
});

describe("completion elsewhere", () => {
  const isThere = (shell: string) => spawnSync(shell, ["-c", "true"]).error === undefined;

  /** What a script offers for a line, by what stands in for the shell's own asking. */
  const askers: Readonly<Record<string, (script: string, words: string[]) => string>> = {
    zsh: (script, words) => `compdef() { :; }; _files() { :; }
      compadd() { shift; print -l -- "$@"; }
      ${script}
      words=(vethwork ${words.map((word) => `'${word}'`).join(" ")})
      CURRENT=\${#words}; _vethwork`,
    fish: (script, words) => `${script}
      complete -C 'vethwork ${words.join(" ")}'`,
  };

  for (const [shell, ask] of Object.entries(askers)) {
    test(`is the same in ${shell}`, async (context) => {
      if (!isThere(shell)) context.skip(`without ${shell}`);
      const { stdout: script } = await vethwork("completion", shell);
      const complete = async (...words: string[]) =>
        wordsOf((await run(shell, ["-c", ask(script, words)])).stdout);
      expect(await complete("network", "")).toContain("disconnect");
      expect(await complete("--host", "network", "sandbox", "")).toContain("exec");
      expect((await complete("network", "ls", "--format", "")).toSorted()).toEqual([
        ...["json", "table"],
      ]);
      expect(await complete("sandbox", "run", "--network-a")).toContain("--network-alias");
    });
  }
});

describe("the output", () => {
  test("may be closed by who has read enough", async () => {
    const script = `{ "$0" ${main} completion bash; echo "ended $?" >&2; } | head -n 1`;
    const { stdout, stderr } = await run("bash", ["-c", script, process.execPath]);
    expect(linesOf(stdout)).toHaveLength(1);
    expect(stderr).toBe("ended 0\n");
  });
});

describe("vethwork top", () => {
  test("shows links with their rates, busiest first, once if there is no terminal", () =>
    withSandboxes(1, async ([sandbox]) => {
      await run("ip", ["-n", sandbox.name, "link", "set", "lo", "up"]);
      const ping = ["netns", "exec", sandbox.name, "ping", "-q", "-i", "0.002", "-c", "2000"];
      const traffic = run("ip", [...ping, "127.0.0.1"]);
      const { code, stdout } = await vethwork("top", sandbox.name, "--period", "200");
      await traffic;
      expect(code).toBe(0);
      const [head = "", lo = ""] = linesOf(stdout);
      expect(head).toMatch(/^link +rx packets\/s +tx packets\/s +rx bits\/s/);
      expect(lo).toMatch(/^lo +(?!0 )[\d.]+k? /);
      expect(await vethwork("top", "nonsense-namespace")).toMatchObject({ code: 1 });
    }));

  test("fills a terminal until it is interrupted, and leaves it as it was", () =>
    withSandboxes(1, async ([sandbox]) => {
      const script = `import os, pty, sys
def read(fd, seen=[b""]):
    data = os.read(fd, 65536)
    seen[0] += data
    if b"link " in seen[0]:
        seen[0] = b""
        os.write(fd, b"\\x03")
    return data
sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:], read)))`;
      const line = [process.execPath, main, "top", sandbox.name, "--period", "50"];
      const running = run("python3", ["-c", script, ...line]);
      running.child.stdin?.end();
      const { stdout } = await running;
      expect(stdout).toContain("\x1b[?1049h\x1b[?25l");
      expect(stdout.replaceAll("^C", "").endsWith("\x1b[?25h\x1b[?1049l")).toBe(true);
    }));
});
