// A sandbox to be made, as options say it.

import type { ConnectOptions, SandboxOptions } from "../../network/index.ts";
import type { Call } from "../call.ts";
import { type Options, UsageError } from "../command.ts";
import { pairs, words } from "../values.ts";
import { connectOptions, connectOptionsOf, readNetwork, wordsOf } from "./connecting.ts";

/** Options of `vethwork sandbox create` and `run`. */
export const sandboxOptions: Options = {
  name: {
    value: "NAME",
    help: "what it is called; by its id unless it is given",
    property: "name",
  },
  network: {
    also: ["net"],
    value: "NETWORK",
    many: true,
    help: "NAME, NAME:ip=ADDRESS,alias=NAME,…, none, host, or container:NAME; bridge unless it is given",
    property: "network",
  },
  publish: {
    short: "p",
    value: "PORTS",
    many: true,
    help: "a port of the host for one of the sandbox: 8080:80, 127.0.0.1:8080:80/udp, 80",
    property: "ports",
  },
  ...connectOptions,
  hostname: { short: "h", value: "NAME", help: "what it calls itself", property: "hostname" },
  dns: {
    value: "ADDRESS",
    many: true,
    help: "a name server in place of the host's",
    property: "names.servers",
  },
  "dns-search": {
    value: "DOMAIN",
    many: true,
    help: "a search domain in place of the host's",
    property: "names.search",
  },
  "dns-option": {
    also: ["dns-opt"],
    value: "OPTION",
    many: true,
    help: "an option of resolv.conf in place of the host's",
    property: "names.options",
  },
  "add-host": {
    value: "NAME:ADDRESS",
    many: true,
    help: "an entry of its hosts file",
    property: "names.hosts",
  },
  sysctl: { value: "KEY=VALUE", many: true, help: "a setting below net", property: "sysctls" },
  label: { short: "l", value: "KEY[=VALUE]", many: true, help: "a label", property: "labels" },
};

/** What no namespace of its own goes with. */
type Mode = Pick<SandboxOptions, "mode" | "joins">;

function modeOf(network: string): Mode | undefined {
  if (network === "none" || network === "host") return { mode: network };
  const [, joins] = /^container:(.+)$/.exec(network) ?? [];
  return joins === undefined ? undefined : { joins };
}

function modes(call: Call, networks: readonly string[]): Mode | undefined {
  const found = networks.map(modeOf).find((mode) => mode !== undefined);
  if (found === undefined) return undefined;
  if (networks.length > 1) {
    throw new UsageError("--network none, host and container:NAME stand alone");
  }
  const meaningless = Object.keys(connectOptions).find((option) => call.has(option));
  if (meaningless !== undefined) {
    throw new UsageError(`--${meaningless} means nothing with --network ${networks[0]}`);
  }
  return found;
}

/** Networks with what is said of each; the options of the command are about the first, as Docker's. */
function networksOf(call: Call, texts: readonly string[]): SandboxOptions["networks"] {
  const networks = (texts.length === 0 ? ["bridge"] : texts).map(readNetwork);
  return networks.map((words, position): ConnectOptions & { network: string } => {
    const { network, given } = words;
    const own = wordsOf(words);
    const twice = [...given.keys()].find((option) => position === 0 && call.has(option));
    if (twice !== undefined) {
      throw new UsageError(`--${twice} is given twice for network ${JSON.stringify(network)}`);
    }
    const both = {
      text: (name: string) => own.text(name) ?? (position === 0 ? call.text(name) : undefined),
      texts: (name: string) => [...own.texts(name), ...(position === 0 ? call.texts(name) : [])],
    };
    return { network, ...connectOptionsOf(both) };
  });
}

function hostEntries(texts: readonly string[]): Record<string, string> {
  const entries = texts.map((text) => {
    const [, name, address] = /^([^:=]+)[:=](.+)$/.exec(text) ?? [];
    if (name === undefined || address === undefined) {
      throw new UsageError(`--add-host must be like NAME:ADDRESS, not ${JSON.stringify(text)}`);
    }
    return [name, address.replace(/^\[(.*)\]$/, "$1")];
  });
  return Object.fromEntries(entries);
}

function namesOf(call: Call): SandboxOptions["names"] {
  const list = (option: string) => (call.has(option) ? call.texts(option) : undefined);
  const [servers, search, options] = [list("dns"), list("dns-search"), list("dns-option")];
  return {
    ...(servers && { servers }),
    ...(search && { search }),
    ...(options && { options }),
    ...(call.has("add-host") && { hosts: hostEntries(call.texts("add-host")) }),
  };
}

/** The library's options for the sandbox that is meant. */
export function sandboxOptionsOf(call: Call): SandboxOptions {
  const texts = call.texts("network");
  const mode = modes(call, texts);
  const [name, hostname] = [call.text("name"), call.text("hostname")];
  return {
    ...(name === undefined ? {} : { name }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(mode ?? { networks: networksOf(call, texts) ?? [] }),
    ports: call.texts("publish"),
    names: namesOf(call) ?? {},
    sysctls: pairs("--sysctl", call.texts("sysctl")),
    labels: words("--label", call.texts("label")),
  };
}
