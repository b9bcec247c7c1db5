// Writes archives as the kernel takes them for its first filesystem: cpio in the form "newc"
// (Documentation/driver-api/early-userspace/buffer-format.rst).

/** @typedef {{ path: string, mode: number, content?: Buffer }} Entry */

/**
 * Padded with zeros to a multiple of four bytes.
 *
 * @param {Buffer} bytes
 */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/**
 * @param {Entry} entry
 * @param {number} inode
 */
function record({ path, mode, content = Buffer.alloc(0) }, inode) {
  const name = Buffer.from(`${path}\0`);
  const [user, group, links, time, device, checksum] = [0, 0, 1, 0, [0, 0], 0];
  const fields = [inode, mode, user, group, links, time, content.length, ...device, ...device];
  const hex = [...fields, name.length, checksum].map((n) => n.toString(16).padStart(8, "0"));
  const header = Buffer.from(`070701${hex.join("")}`);
  return Buffer.concat([padded(Buffer.concat([header, name])), padded(content)]);
}

/**
 * An archive of these entries, directories before what is in them.
 *
 * @param {readonly Entry[]} entries
 */
export function cpio(entries) {
  const end = { path: "TRAILER!!!", mode: 0 };
  return Buffer.concat([...entries, end].map((entry, index) => record(entry, index + 1)));
}
