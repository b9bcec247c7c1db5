// What each trial finds where everything is permitted.

const networks = {
  apart: true,
  joined: true,
  found: ["10.5.0.2"],
  foundByProgram: "10.5.0.2",
  answer: "asked for /shop",
  unplanned: 0,
  wrong: [],
  deleted: true,
};

/** @type {Readonly<Record<string, object>>} */
export const facts = {
  reading: { links: ["lo"], listed: true, ttl: "64" },
  watching: { heard: ["lo"] },
  changing: { via: "10.0.0.9", mtu: 1400, flushed: 1, gone: true, heard: "added" },
  undoing: { undone: true, gone: true },
  settings: { during: true, ttl: "64", changed: "63" },
  namespaces: { lo: "lo", up: true, more: 0 },
  settled: { addresses: 0 },
  traffic: { greeting: "hello", counted: true },
  echoes: { echoed: true },
  names: { listed: ["red"], same: true, file: true },
  programs: { links: ["br0", "lo"], sys: ["br0", "lo"] },
  sharingPrograms: { links: ["br0", "lo"] },
  ownPrograms: { links: ["lo"], sys: ["lo"] },
  elsewhereReading: { links: ["given0", "given1", "lo"] },
  elsewhereListening: { listening: true },
  command: { links: ["lo"] },
  fixtures: { cut: true },
  diagnosing: { wrong: [] },
  networksInMemory: networks,
  networksOnDisk: networks,
  left: {},
};
