// Descriptions of topologies against ip, and their pictures against what a renderer makes of them.

import { execFileSync, spawnSync } from "node:child_process";
import { Resvg } from "@resvg/resvg-js";
import { describe, expect, test } from "vitest";
import {
  addAddress,
  addRoute,
  createEndpoints,
  createLink,
  createNamespace,
  describeTopology,
  type Namespace,
  setLink,
  type Topology,
  toDot,
  toMermaid,
  toSvg,
  toText,
} from "../../lib/index.ts";
import { topology } from "../../lib/testing/index.ts";
import { layOut } from "../../lib/topology/layout.ts";
import {
  ip,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";

/** Three containers on two bridges, one of them on both. */
const reference = {
  namespaces: { host: {}, one: {}, both: {}, other: {} },
  bridges: [
    { namespace: "host", name: "br0", addresses: ["10.0.0.1/24"] },
    { namespace: "host", name: "br1", addresses: ["10.0.1.1/24", "fd00:1::1/64"] },
  ],
  wires: [
    {
      ends: [
        { namespace: "one", link: "eth0", addresses: ["10.0.0.2/24"] },
        { namespace: "host", link: "p0", bridge: "br0" },
      ],
    },
    {
      ends: [
        { namespace: "both", link: "eth0", addresses: ["10.0.0.3/24"] },
        { namespace: "host", link: "p1", bridge: "br0" },
      ],
    },
    {
      ends: [
        { namespace: "both", link: "eth1", addresses: ["10.0.1.2/24"] },
        { namespace: "host", link: "p2", bridge: "br1" },
      ],
    },
    {
      ends: [
        { namespace: "other", link: "eth0", addresses: ["10.0.1.3/24"] },
        { namespace: "host", link: "p3", bridge: "br1" },
      ],
    },
  ],
} as const;

/** Bridges with so many containers each, in one host. */
async function crowd(bridges: number, each: number): Promise<Topology> {
  const host = await createNamespace({ ipv6: false });
  const namespaces: Record<string, Namespace> = { host };
  for (let bridge = 0; bridge < bridges; bridge += 1) {
    const link = await createLink(host, {
      kind: "bridge",
      name: `fifteen-bytes-${bridge}`,
      up: true,
    });
    await addAddress(host, link, `172.${18 + bridge}.0.1/16`);
    const specs = Array.from({ length: each }, (_, n) => ({
      address: [`172.${18 + bridge}.0.${n + 2}/16`],
      host: { name: `veth${bridge}-${n}`, master: link },
    }));
    for (const [n, { endpoint }] of (await createEndpoints(host, specs)).entries()) {
      if (endpoint) namespaces[`container-${bridge}-${n}`] = endpoint.namespace;
    }
  }
  const described = await describeTopology(namespaces);
  await Promise.all(Object.values(namespaces).map((namespace) => namespace.close()));
  return described;
}

describe("a description", () => {
  test("has what ip says, is plain JSON, and joins veth pairs across namespaces", () =>
    withSandboxes(2, async ([left, right]) => {
      const { index } = await createLink(left, {
        kind: "veth",
        name: "a",
        up: true,
        peer: { name: "b", namespace: right },
      });
      await setLink(right, { name: "b" }, { up: true });
      await createLink(left, { kind: "veth", name: "x", peer: { name: "y" } });
      await createLink(left, { kind: "bridge", name: "br0" });
      await setLink(left, { name: "x" }, { master: { name: "br0" } });
      await createLink(left, { kind: "macvlan", name: "m0", parent: index });
      await addAddress(left, index, "10.0.0.1/24");
      await addRoute(left, { to: "10.9.0.0/16", via: "10.0.0.2" });
      const described = await describeTopology([left, right]);
      expect(JSON.parse(JSON.stringify(described))).toEqual(described);

      const [first] = described.namespaces;
      const witness = await ip(left, "link");
      expect(first?.label).toBe((left as Sandbox).name);
      expect(first?.links.map(({ index: each, name, mtu }) => ({ each, name, mtu }))).toEqual(
        witness.map(({ ifindex, ifname, mtu }) => ({ each: ifindex, name: ifname, mtu })),
      );
      const byName = new Map(first?.links.map((link) => [link.name, link]));
      expect(byName.get("a")).toMatchObject({ kind: "veth", up: true, addresses: ["10.0.0.1/24"] });
      expect(byName.get("x")).toMatchObject({ master: "br0", up: false });
      expect(byName.get("m0")).toMatchObject({ kind: "macvlan", parent: "a" });
      expect(first?.routes).toContainEqual({ to: "10.9.0.0/16", via: "10.0.0.2", device: "a" });
      expect(described.bridges).toEqual([{ namespace: left.name, name: "br0", ports: ["x"] }]);
      const wires = described.wires.map(({ ends }) =>
        ends
          .map((end) => end?.link)
          .sort()
          .join(),
      );
      expect(wires.sort()).toEqual(["a,b", "x,y"]);
      const alone = await describeTopology({ alone: right });
      expect(alone.wires).toEqual([{ ends: [{ namespace: "alone", link: "b" }, null] }]);
    }));

  test("joins the right ends though many have the same index", async () => {
    const described = await crowd(1, 30);
    expect(described.wires).toHaveLength(30);
    for (const {
      ends: [near, far],
    } of described.wires) {
      const ends = [near, far].sort((one, other) =>
        one?.namespace === "host" ? -1 : other ? 1 : 0,
      );
      expect(ends[0]?.link.split("-")[1]).toBe(ends[1]?.namespace.split("-")[2]);
    }
  });

  test("is refused of what is no namespace, and of two with one label", () =>
    withSandboxes(1, async ([sandbox]) => {
      expect(await refusalOf(describeTopology([sandbox, sandbox]))).toEqual(
        outOfRange(`namespaces.${sandbox.name}`),
      );
      expect(await refusalOf(describeTopology({ a: {} as Namespace }))).toEqual(
        wrongType("namespaces.a"),
      );
      expect(await refusalOf(describeTopology(1 as never))).toEqual(wrongType("namespaces"));
      for (const draw of [toSvg, toDot, toMermaid, toText]) {
        expect(await refusalOf((async () => draw(1 as never))())).toEqual(wrongType("topology"));
      }
    }));
});

/** What a renderer says that a piece of a picture covers. */
function boundsOf(svg: string, piece: string) {
  const [head = ""] = /^[\s\S]*<\/style>/.exec(svg) ?? [];
  const options = { font: { loadSystemFonts: true, defaultFontFamily: "DejaVu Sans Mono" } };
  const bounds = new Resvg(`${head}${piece}</svg>`, options).getBBox();
  if (bounds === undefined) throw new Error(`nothing is drawn of ${piece}`);
  return {
    x: bounds.x,
    y: bounds.y,
    right: bounds.x + bounds.width,
    bottom: bounds.y + bounds.height,
  };
}

type Bounds = ReturnType<typeof boundsOf>;

const apart = (one: Bounds, other: Bounds) =>
  one.right <= other.x || other.right <= one.x || one.bottom <= other.y || other.bottom <= one.y;

const within = (inner: Bounds, outer: Bounds) =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.right <= outer.right &&
  inner.bottom <= outer.bottom;

/** Checks a picture by what a renderer makes of each label and each box. */
function expectLegible(described: Topology): void {
  const svg = toSvg(described);
  const labels = (svg.match(/<text [^>]*>[^<]*<\/text>/g) ?? []).map((piece) => ({
    piece,
    bounds: boundsOf(svg, piece),
  }));
  const boxes = (svg.match(/<rect class="(?:namespace|bridge|link|down)"[^>]*>/g) ?? []).map(
    (piece) => boundsOf(svg, piece),
  );
  const [, width = "0", height = "0"] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? [];
  const paper = { x: 0, y: 0, right: Number(width), bottom: Number(height) };
  expect(labels.length).toBeGreaterThanOrEqual(described.namespaces.length);
  for (const [position, { piece, bounds }] of labels.entries()) {
    for (const other of labels.slice(position + 1)) {
      if (!apart(bounds, other.bounds)) throw new Error(`${piece} lies over ${other.piece}`);
    }
    if (!boxes.some((box) => within(bounds, box))) throw new Error(`${piece} is in no box`);
    expect(within(bounds, paper)).toBe(true);
  }
  for (const box of boxes) expect(within(box, paper)).toBe(true);
  const picture = new Resvg(svg).render();
  const colours = new Set(
    new Uint32Array(picture.pixels.buffer, picture.pixels.byteOffset, picture.pixels.length / 4),
  );
  expect(colours.size).toBeGreaterThan(5);
}

describe("a picture", () => {
  test("of three bridges with twenty containers each has no label over another", {
    timeout: 60_000,
  }, async () => {
    const described = await crowd(3, 20);
    expect(described.namespaces).toHaveLength(61);
    expectLegible(described);
    const { wires } = layOut(described);
    expect(wires).toHaveLength(60);
    // Each runs straight to its container.
    expect(wires.filter(({ from, to }) => Math.abs(from.y - to.y) > 1)).toEqual([]);
  });

  test("of containers on two bridges, routers in a row, and odd names is legible", async () => {
    await topology(reference, async ({ namespaces }) => {
      const described = await describeTopology(namespaces);
      expectLegible(described);
      expect(toText(described)).toContain("eth1  veth  to host:p2  10.0.1.2/24");
    });
    const odd = "a<b>&\"'\\|]";
    const rows = {
      namespaces: { [odd]: {}, r1: {}, r2: {}, end: {}, alone: {} },
      wires: [
        {
          ends: [
            { namespace: odd, link: "fifteen-bytes-x" },
            { namespace: "r1", link: "l<&>" },
          ],
        },
        {
          ends: [
            {
              namespace: "r1",
              link: "r",
              addresses: ["fd00:1234:5678:9abc:def0:1234:5678:9abc/64"],
            },
            { namespace: "r2", link: "l" },
          ],
        },
        {
          ends: [
            { namespace: "r2", link: "r" },
            { namespace: "end", link: "eth0" },
          ],
        },
      ],
    } as const;
    await topology(rows as never, async ({ namespaces }) => {
      const described = await describeTopology(namespaces);
      expectLegible(described);
      const dot = spawnSync("dot", ["-Tplain"], { input: toDot(described), encoding: "utf8" });
      expect(dot.stderr).toBe("");
      expect(dot.stdout.match(/^edge /gm)).toHaveLength(3);
      // Nothing of a name is left that means something to Mermaid.
      expect(toMermaid(described)).toContain('["a#60;b#62;#38;#34;#39;#92;#124;]"]');
      expect(toMermaid(described).match(/ === /g)).toHaveLength(3);
    });
  });

  test("of nothing, and of a wire that leads elsewhere, can be drawn", async () => {
    expect(toSvg({ namespaces: [], bridges: [], wires: [] })).toContain("</svg>");
    await using one = await createNamespace();
    await using other = await createNamespace();
    await createLink(one, { kind: "veth", name: "a", peer: { name: "b", namespace: other } });
    const described = await describeTopology({ one });
    expectLegible(described);
    expect(toSvg(described)).toContain("<circle");
  });
});

describe("vethwork topology", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["dist/cli/main.js", ...args], { encoding: "utf8" });

  test("prints what there is, in every format, and says how it ended", () =>
    withSandboxes(2, async ([left, right]) => {
      await createLink(left, { kind: "veth", name: "a", peer: { name: "b", namespace: right } });
      const names = [left.name, right.name];
      const text = run("topology", ...names);
      expect(text).toMatchObject({ status: 0, stderr: "" });
      expect(text.stdout).toContain(`a  veth  down  to ${right.name}:b`);
      const json = JSON.parse(run("topology", ...names, "--format", "json").stdout);
      expect(json).toEqual(await describeTopology([left, right]));
      for (const [format, begin] of [
        ["mermaid", "flowchart"],
        ["dot", "graph"],
        ["svg", "<svg"],
      ]) {
        expect(
          run("topology", ...names, "--format", format ?? "").stdout.startsWith(begin ?? ""),
        ).toBe(true);
      }
      expect(run("topology").stdout).toContain(`(this)\n`);
      const file = `/run/picture-${process.pid}.svg`;
      expect(run("topology", "--format", "svg", "--output", file)).toMatchObject({
        status: 0,
        stdout: "",
      });
      expect(String(execFileSync("head", ["-c", "4", file]))).toBe("<svg");
    }));

  test("fails with 1 if it cannot, with 2 if it is misused, with a sentence", () => {
    expect(run("topology", "none")).toMatchObject({
      status: 1,
      stderr: 'vethwork: openNamespace "none": ENOENT, no such namespace\n',
    });
    for (const args of [["nonsense"], ["topology", "--format", "x"], ["topology", "--colour"]]) {
      expect(run(...args).status).toBe(2);
    }
    expect(run("--help").stdout).toContain("topology");
    expect(run("topology", "--help").stdout).toContain("--format");
    expect(run("--version").stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
