// The files below /etc/netns/NAME, which programs in the namespace NAME find over those in /etc.

import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { mkdir, open, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { invalidArgument, refuseUnknown } from "../../errors.ts";

/** Which files to write, and what into them. One that is not given stays as it is. */
export interface SandboxFiles {
  readonly "resolv.conf"?: string;
  readonly hosts?: string;
}

const fileNames = ["resolv.conf", "hosts"] as const;

/** Where ip-netns(8) and `spawn` look. */
const defaultDirectory = "/etc/netns";

/** The directory of one namespace's files; its name is what `createNamespace` takes. */
function directoryOf(name: unknown, directory: string): string {
  if (typeof name !== "string") throw invalidArgument("type", "name", "must be a string");
  const bytes = Buffer.byteLength(name);
  if (bytes < 1 || bytes > 255) throw invalidArgument("range", "name", "must be 1 to 255 bytes");
  if (name === "." || name === ".." || /[/\0]/.test(name)) {
    throw invalidArgument("range", "name", `${JSON.stringify(name)} is no file name`);
  }
  return join(directory, name);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/**
 * Gives a file that is there another content, in one write. It has to stay the same file: it is
 * mounted over another one for the programs that run already. What is shorter is followed by empty
 * lines until the file is cut, so that no end of the old content is found behind it; who reads
 * during the write itself can find some of each, which no file system forbids.
 */
async function overwrite(path: string, text: string): Promise<void> {
  const file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const length = Buffer.byteLength(text);
    const padded = Buffer.alloc(Math.max(size, length), "\n");
    padded.write(text);
    await file.writeFile(padded);
    await file.truncate(length);
  } finally {
    await file.close();
  }
}

/** Makes a file that is whole from the moment it is there. */
async function create(path: string, temporary: string, text: string): Promise<void> {
  try {
    await writeFile(temporary, text, { flag: "wx", mode: 0o644 });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes files of the namespace `name`, and makes their directory if need be. Programs that were
 * started before see the change too, if the file was there when they were. Calls for one name are
 * to be made one after another.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if the name is no file name.
 * @throws {Error} what writing below `directory` is refused with: `EACCES`, `EROFS`, `ENOSPC`, …
 */
export async function writeSandboxFiles(
  name: string,
  files: SandboxFiles,
  directory: string = defaultDirectory,
): Promise<void> {
  const own = directoryOf(name, directory);
  refuseUnknown("files", files, fileNames);
  for (const file of fileNames) {
    const text = files[file];
    if (text === undefined) continue;
    if (typeof text !== "string") throw invalidArgument("type", file, "must be a string");
    await mkdir(own, { recursive: true });
    const path = join(own, file);
    // Not in the directory itself, every file of which ip-netns(8) mounts.
    const temporary = join(directory, `.${randomUUID()}`);
    await overwrite(path, text).catch(async (error) => {
      if (!isMissing(error)) throw error;
      await create(path, temporary, text);
    });
  }
}

/** Removes the files of the namespace `name`, and the directory if nothing else is in it. */
export async function removeSandboxFiles(
  name: string,
  directory: string = defaultDirectory,
): Promise<void> {
  const own = directoryOf(name, directory);
  for (const file of fileNames) await rm(join(own, file), { force: true });
  await rmdir(own).catch((error) => {
    if (!isMissing(error) && error.code !== "ENOTEMPTY") throw error;
  });
}
