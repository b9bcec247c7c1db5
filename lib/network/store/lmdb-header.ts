// Looks at an LMDB file before LMDB does, which maps it into memory and believes it.

import { constants, type FileHandle, open } from "node:fs/promises";
import { endianness } from "node:os";
import { setTimeout } from "node:timers/promises";
import { NetworkError } from "../errors.ts";

// struct MDB_page and struct MDB_meta of the LMDB that the package "lmdb" has, mdb.c.
const metaSize = 168;
const flagsAt = 18;
const metaPage = 0x08;
const magicAt = 24;
const magic = 0xbeefc0de;
const versionAt = 28;
const version = 2;
const pageSizeAt = 48;

const attempts = 20;
const pauseMs = 10;

const little = endianness() === "LE";

async function metaAt(file: FileHandle, position: number): Promise<DataView | undefined> {
  const meta = new DataView(new ArrayBuffer(metaSize));
  const { bytesRead } = await file.read(meta, 0, metaSize, position);
  const isMeta =
    bytesRead === metaSize &&
    (meta.getUint16(flagsAt, little) & metaPage) !== 0 &&
    meta.getUint32(magicAt, little) === magic &&
    (meta.getUint32(versionAt, little) & 0xffff) === version;
  return isMeta ? meta : undefined;
}

/** True if the file is empty, or begins with the two pages that tell of all others. */
async function isInOrder(file: FileHandle): Promise<boolean> {
  if ((await file.stat()).size === 0) return true;
  const first = await metaAt(file, 0);
  return (
    first !== undefined && (await metaAt(file, first.getUint32(pageSizeAt, little))) !== undefined
  );
}

/**
 * Refuses a file that LMDB could only crash on; one that is missing is made, empty, for
 * this user alone. One that another
 * process is just making is looked at again for a fifth of a second.
 *
 * @throws {NetworkError} `STORE_CORRUPT` if it is no file of this LMDB, or has lost its beginning.
 */
export async function checkHeader(path: string): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  try {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (await isInOrder(file)) return;
      await setTimeout(pauseMs);
    }
  } finally {
    await file.close();
  }
  const reason = "the file is not one of LMDB, of the version that is used here";
  throw new NetworkError("STORE_CORRUPT", { operation: "openLmdbStore", subject: path, reason });
}
