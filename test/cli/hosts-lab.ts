// Two hosts for tests of the command across hosts, which share a store in etcd.

import { expect } from "vitest";
import type { Etcd } from "../support/etcd.ts";
import { ip, type Sandbox, withSandboxes } from "../support/sandbox.ts";
import { type Ended, type Json, type Running, start, vethwork, wordsOf } from "./support.ts";

/** One of the hosts, and how the command is called on it. */
export interface Host {
  readonly namespace: Sandbox;
  /** What it is called among the hosts of the store. */
  readonly name: string;
  /** By which the other one reaches it. */
  readonly address: string;
  readonly call: (command: string, ...args: string[]) => Promise<Ended>;
  /** Runs one that has to succeed without complaint, and gives what it prints. */
  readonly get: (command: string, ...args: string[]) => Promise<string>;
  readonly getJson: (command: string, ...args: string[]) => Promise<Json>;
  /** `vethwork serve`, once it serves. */
  readonly serve: (...args: string[]) => Promise<Running>;
}

/** What tests have in common: two hosts with a wire between them. */
export interface Hosts {
  readonly one: Host;
  readonly two: Host;
  /** A name that no other test of the machine has. */
  readonly named: (word: string) => string;
}

let rounds = 0;

/** Runs a test with two hosts that share a store in an etcd, of which nothing is left. */
export async function withHostsOf(etcd: Etcd, run: (hosts: Hosts) => Promise<void>): Promise<void> {
  await withSandboxes(2, async (namespaces) => {
    rounds += 1;
    const prefix = `vethwork-${process.pid}-across${rounds}-`;
    const running: Running[] = [];
    const [left, right] = namespaces;
    const peer = ["peer", "up0", "netns", right.name];
    await ip(left, "link", "add", "up0", "type", "veth", ...peer);
    const hosts = namespaces.map((namespace, position): Host => {
      const address = `192.0.2.${position + 1}`;
      const options = ["--host", namespace.name, "--store", etcd.server.endpoint];
      const call = (command: string, ...args: string[]) =>
        vethwork(...command.split(" "), ...options, ...args);
      const get = async (command: string, ...args: string[]) => {
        const ended = await call(command, ...args);
        expect({ command, args, ...ended }).toMatchObject({ code: 0, stderr: "" });
        return ended.stdout;
      };
      const serve = async (...args: string[]) => {
        const server = start(["serve", ...options, ...args]);
        running.push(server);
        await server.said("serving");
        return server;
      };
      const name = expect.stringMatching(`.netns.${namespace.name}$`);
      const getJson = async (command: string, ...args: string[]) =>
        JSON.parse(await get(command, ...args));
      return { namespace, name, address, call, get, getJson, serve };
    });
    for (const { namespace, address } of hosts) {
      await ip(namespace, "address", "add", `${address}/24`, "dev", "up0");
      await ip(namespace, "link", "set", "up0", "up");
    }
    const [one, two] = hosts as [Host, Host];
    try {
      await run({ one, two, named: (word) => prefix + word });
    } finally {
      for (const { child, ended } of running) {
        child.kill("SIGTERM");
        await ended;
      }
      for (const { call } of hosts) {
        const ids = wordsOf((await call("sandbox ls", "-q")).stdout);
        if (ids.length > 0) await call("sandbox rm", ...ids);
        await call("network prune", "--force");
      }
    }
  });
}
