// States, judged by ip(8) and by what they do to packets, where the kernel has ESP; what is said where
// it has none.

import { describe, expect, test } from "vitest";
import { addAddress, bindUdp } from "../../lib/index.ts";
import { native } from "../../lib/native.ts";
import { setEspPolicy } from "../../lib/xfrm/policy.ts";
import {
  addEspState,
  type EspKey,
  type EspState,
  listEspStates,
  removeEspState,
} from "../../lib/xfrm/state.ts";
import { lacksEsp } from "../../lib/xfrm/support.ts";
import { has, needs } from "../support/features.ts";
import {
  inside,
  join,
  outOfRange,
  refusalOf,
  type Sandbox,
  withSandboxes,
  wrongType,
} from "../support/sandbox.ts";
import { states, xfrm } from "../support/xfrm.ts";

const key = Uint8Array.from({ length: 36 }, (_, n) => n + 1);
const keyText = `0x${Buffer.from(key).toString("hex")}`;

const one: EspState = { source: "10.0.0.1", destination: "10.0.0.2", spi: 0x101, reqid: 7 };
const six: EspState = { source: "fd00::1", destination: "fd00::2", spi: 0xffffffff, reqid: 7 };

/** Whether ip(8) can add a state of a family; it says the same, if in other words. */
async function ipCanAdd(sandbox: Sandbox, { source, destination }: EspState): Promise<boolean> {
  const words = ["src", source, "dst", destination, "proto", "esp", "spi", "0x999"];
  const aead = ["aead", "rfc4106(gcm(aes))", keyText, "128"];
  return await inside(sandbox, "ip", "xfrm", "state", "add", ...words, ...aead).then(
    () => true,
    () => false,
  );
}

describe("lacksEsp", () => {
  test.each([
    ["inet", one],
    ["inet6", six],
  ] as const)("says of %s what ip finds out", (family, state) =>
    withSandboxes(1, async ([sandbox]) => {
      const lacking = await lacksEsp(family);
      expect(lacking === undefined).toBe(await ipCanAdd(sandbox, state));
      if (lacking !== undefined) expect(lacking).toMatch(/^the kernel has no .*\(CONFIG_/);
    }),
  );

  test("asks of IPv4 unless told otherwise", async () => {
    expect(await lacksEsp()).toBe(await lacksEsp("inet"));
  });
});

describe("addEspState", () => {
  test("is refused, with the kernel's reason, where there is no ESP", async ({ skip }) => {
    if (await has("esp")) skip("there is ESP here");
    await withSandboxes(1, async ([sandbox]) => {
      const refusal = await addEspState(sandbox, { ...one, key }).catch((error) => error);
      expect(refusal).toMatchObject({ name: "NetlinkError", operation: "addEspState" });
      expect(["ENOSYS", "EPROTONOSUPPORT"]).toContain(refusal.code);
      expect(refusal.message).toMatch(/^addEspState "10\.0\.0\.2 0x101": \w+, /);
      expect(await states(sandbox)).toEqual([]);
    });
  });

  test("makes what ip tells of", async (context) => {
    await needs("esp", context);
    await withSandboxes(1, async ([sandbox]) => {
      await addEspState(sandbox, { ...one, key });
      await addEspState(sandbox, { ...six, key });
      const [four = "", other = "", ...more] = await states(sandbox);
      expect(more).toEqual([]);
      expect(four).toMatch(
        /^src 10\.0\.0\.1 dst 10\.0\.0\.2 proto esp spi 0x00000101\(257\) reqid 7\(0x00000007\) mode transport /,
      );
      expect(other).toMatch(/^src fd00::1 dst fd00::2 proto esp spi 0xffffffff/);
      for (const state of [four, other]) {
        expect(state).toContain(`aead rfc4106(gcm(aes)) ${keyText} (288 bits) 128`);
        expect(state).toContain("flag esn");
        expect(state).toMatch(/replay_window 1024, bitmap-length 32 /);
        expect(state).toContain("limit: soft (INF)(bytes), hard (INF)(bytes)");
        expect(state).toContain("expire add: soft 0(sec), hard 0(sec)");
      }
    });
  });

  test("is refused where there is one of the destination and SPI", async (context) => {
    await needs("esp", context);
    await withSandboxes(1, async ([sandbox]) => {
      await addEspState(sandbox, { ...one, key });
      const before = await states(sandbox);
      const again = { ...one, source: "10.0.0.3", reqid: 8, key: new Uint8Array(36) };
      await expect(addEspState(sandbox, again)).rejects.toMatchObject({
        code: "EEXIST",
        operation: "addEspState",
      });
      expect(await states(sandbox)).toEqual(before);
      await addEspState(sandbox, { ...one, spi: 0x102, key });
      await addEspState(sandbox, { ...one, destination: "10.0.0.3", key });
      expect(await states(sandbox)).toHaveLength(3);
    });
  });

  test.each([
    ["key", { key: new Uint8Array(35) }, outOfRange("key")],
    ["key", { key: new Uint8Array(37) }, outOfRange("key")],
    ["key", { key: "secret" }, wrongType("key")],
    ["key", { key: undefined }, wrongType("key")],
    ["spi", { spi: 0 }, outOfRange("spi")],
    ["spi", { spi: 2 ** 32 }, outOfRange("spi")],
    ["spi", { spi: undefined }, wrongType("spi")],
    ["reqid", { reqid: -1 }, outOfRange("reqid")],
    ["source", { source: "10.0.0.0/24" }, outOfRange("source")],
    ["source", { source: undefined }, wrongType("source")],
    ["destination", { destination: "fd00::2" }, outOfRange("destination")],
    ["destination", { destination: 7 }, wrongType("destination")],
  ])("refuses a wrong %s (case %#), and makes nothing", (_, wrong, refusal) =>
    withSandboxes(1, async ([sandbox]) => {
      const state = { ...one, key, ...wrong } as EspState & EspKey;
      expect(await refusalOf(addEspState(sandbox, state))).toEqual(refusal);
      expect(await states(sandbox)).toEqual([]);
    }),
  );
});

describe("removeEspState", () => {
  test("is refused where there is none", () =>
    withSandboxes(1, async ([sandbox]) => {
      await expect(removeEspState(sandbox, one)).rejects.toMatchObject({
        code: "ESRCH",
        operation: "removeEspState",
        message: 'removeEspState "10.0.0.2 0x101": ESRCH, no such state',
      });
    }));

  test("removes the one of destination and SPI, whatever else it is like", async (context) => {
    await needs("esp", context);
    await withSandboxes(1, async ([sandbox]) => {
      const others = [six, { ...one, spi: 0x102 }, { ...one, destination: "10.0.0.3" }];
      for (const state of [one, ...others]) await addEspState(sandbox, { ...state, key });
      await removeEspState(sandbox, { destination: "10.0.0.2", spi: 0x101 });
      const left = await states(sandbox);
      expect(left).toHaveLength(3);
      expect(left.join()).not.toContain("dst 10.0.0.2 proto esp spi 0x00000101");
      for (const state of others) await removeEspState(sandbox, state);
      expect(await states(sandbox)).toEqual([]);
      await expect(removeEspState(sandbox, one)).rejects.toMatchObject({ code: "ESRCH" });
    });
  });
});

describe("listEspStates", () => {
  test("passes over what waits for a key", () =>
    withSandboxes(1, async ([sandbox]) => {
      const { source, destination } = one;
      const range = "mode transport min 300 max 300";
      await xfrm(
        sandbox,
        `state allocspi src ${source} dst ${destination} proto esp reqid 7 ${range}`,
      );
      const [larval] = await native().askXfrm(sandbox, "listStates", { protocol: "esp" });
      expect(larval).toEqual({
        ...{ family: "inet", source, destination, spi: 300, protocol: "esp" },
        ...{ mode: "transport", reqid: 7, flags: [] },
      });
      expect(await listEspStates(sandbox, 7)).toEqual([]);
      // For that, too, is one of the destination and SPI.
      await removeEspState(sandbox, { destination, spi: 300 });
      expect(await states(sandbox)).toEqual([]);
    }));

  test("gives those of the reqid, of both families", async (context) => {
    await needs("esp", context);
    await withSandboxes(1, async ([sandbox]) => {
      const others = [
        { ...one, spi: 0x103, reqid: 8 },
        { ...six, spi: 0x104, reqid: 0 },
      ];
      for (const state of [one, six, ...others]) await addEspState(sandbox, { ...state, key });
      await xfrm(
        sandbox,
        `state add src 10.0.0.1 dst 10.0.0.2 proto esp spi 0x105 reqid 7 mode tunnel aead rfc4106(gcm(aes)) ${keyText} 128`,
      );
      expect(await states(sandbox)).toHaveLength(5);
      const listed = await listEspStates(sandbox, 7);
      expect(listed).toHaveLength(2);
      expect(listed).toContainEqual(one);
      expect(listed).toContainEqual(six);
      expect(await listEspStates(sandbox, 8)).toEqual([others[0]]);
      expect(await listEspStates(sandbox, 9)).toEqual([]);
    });
  });

  test("knows no keys, though the kernel tells them", async (context) => {
    await needs("esp", context);
    await withSandboxes(1, async ([sandbox]) => {
      await addEspState(sandbox, { ...one, key });
      expect((await states(sandbox)).join()).toContain(keyText);
      const [state] = await native().askXfrm(sandbox, "listStates", {});
      expect(state).toMatchObject({ aead: { name: "rfc4106(gcm(aes))", keyBits: 288 } });
      expect((state as { aead: object }).aead).not.toHaveProperty("key");
    });
  });
});

test("datagrams between two namespaces go and come as ESP", async (context) => {
  await needs("esp", context);
  await withSandboxes(2, async ([left, right]) => {
    await join(left, right);
    await addAddress(left, { name: "eth0" }, "10.0.0.1/24");
    await addAddress(right, { name: "far0" }, "10.0.0.2/24");
    for (const sandbox of [left, right]) {
      await addEspState(sandbox, { ...one, key });
      const back = { source: one.destination, destination: one.source, spi: 0x201, reqid: 7 };
      await addEspState(sandbox, { ...back, key });
      for (const direction of ["in", "out"] as const) {
        const policy = { direction, family: "inet", port: 4789, reqid: 7, priority: 1 } as const;
        await setEspPolicy(sandbox, policy);
      }
    }
    const server = await bindUdp(right, { address: "10.0.0.2", port: 4789 });
    try {
      const heard = new Promise((resolve) => server.once("message", resolve));
      await inside(left, "bash", "-c", "echo hello > /dev/udp/10.0.0.2/4789");
      expect(String(await heard)).toBe("hello\n");
    } finally {
      server.close();
    }
    for (const sandbox of [left, right]) {
      const [state = "", other = ""] = await states(sandbox);
      expect(state).toContain("src 10.0.0.1 dst 10.0.0.2");
      expect(state).toMatch(/lifetime current: \d+\(bytes\), 1\(packets\)/);
      expect(other).toContain("0(bytes), 0(packets)");
    }
  });
});
