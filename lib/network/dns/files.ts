// The files below /etc/netns/NAME, which programs in the namespace NAME find over those in /etc.

import { createHash } from "node:crypto";
import { constants, existsSync, type Stats } from "node:fs";
import { chmod, type FileHandle, link, mkdir, open, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { ForeignFileError, invalidArgument, refuseUnknown } from "../../errors.ts";
import { checkName } from "../../rtnl/namespace.ts";

/** Which files to write, and what into them. One that is not given stays as it is. */
export interface SandboxFiles {
  readonly "resolv.conf"?: string;
  readonly hosts?: string;
}

/** A file that is to have a text. */
interface Draft {
  readonly path: string;
  readonly text: string;
}

const fileNames = ["resolv.conf", "hosts"] as const;

/** Where ip-netns(8) and `spawn` look. */
const defaultDirectory = "/etc/netns";

/** The first line of each file, by which another process knows it for one of these. */
const mark = "# Written by vethwork.\n";

/** What the files are that this process made: a program inside can write over the mark. */
const made = new Map<string, string>();

/** Inodes are given out again, so that the time of birth counts as well. */
function identityOf({ dev, ino, birthtimeMs }: Stats): string {
  return [dev, ino, birthtimeMs].join(" ");
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Whether a file is one of these, and not somebody else's. */
async function isOwn(path: string, file: FileHandle): Promise<boolean> {
  const facts = await file.stat();
  if (!facts.isFile()) return false;
  if (made.get(path) === identityOf(facts)) return true;
  const { buffer, bytesRead } = await file.read(Buffer.alloc(mark.length), 0, mark.length, 0);
  return buffer.toString("latin1", 0, bytesRead) === mark;
}

/** Opens a file that is to be changed; undefined if there is none. */
async function openOwn(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    // A link, a directory, a socket: nothing that was written here.
    throw ["ELOOP", "EISDIR", "ENXIO"].includes(String(codeOf(error)))
      ? new ForeignFileError(path)
      : error;
  }
  try {
    if (await isOwn(path, file)) return file;
    throw new ForeignFileError(path);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * Gives a file that is there another content, in one write. It has to stay the same file: it is
 * mounted over another one for the programs that run already. What is shorter is followed by empty
 * lines until the file is cut, so that no end of the old content is found behind it; who reads
 * during the write itself can find some of each, which no file system forbids.
 */
async function overwrite(file: FileHandle, text: string): Promise<void> {
  const { size } = await file.stat();
  const length = Buffer.byteLength(text);
  const padded = Buffer.alloc(Math.max(size, length), "\n");
  padded.write(text);
  await file.writeFile(padded);
  await file.truncate(length);
}

/**
 * Where a file is written before it is put in its place: not in the directory itself, every file of
 * which ip-netns(8) mounts. The same every time, so that what a process that was killed in the middle
 * has left is found again.
 */
function temporaryOf(path: string, directory: string): string {
  return join(directory, `.${createHash("sha256").update(path).digest("hex").slice(0, 32)}`);
}

/** Makes a file that is whole from the moment it is there, and takes nobody else's place. */
async function create({ path, text }: Draft, temporary: string): Promise<void> {
  try {
    // A file in memory: to have it looked up elsewhere would take a hundred times as long.
    if (existsSync(temporary)) await rm(temporary, { force: true });
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(text);
      // Whatever the umask: programs of every user read it.
      await file.chmod(0o644);
      made.set(path, identityOf(await file.stat()));
    } finally {
      await file.close();
    }
    // Unlike a renaming, it fails if there is a file by now.
    await link(temporary, path);
  } catch (error) {
    made.delete(path);
    throw codeOf(error) === "EEXIST" ? new ForeignFileError(path) : error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function write(drafts: readonly Draft[], directory: string, fresh: boolean): Promise<void> {
  const files: (FileHandle | undefined)[] = [];
  const created: string[] = [];
  try {
    // All of them are looked at before one is changed.
    for (const { path } of drafts) files.push(fresh ? undefined : await openOwn(path));
    for (const [n, draft] of drafts.entries()) {
      const file = files[n];
      if (file !== undefined) await overwrite(file, draft.text);
      else {
        await create(draft, temporaryOf(draft.path, directory));
        created.push(draft.path);
      }
    }
  } catch (error) {
    await Promise.all(created.map((path) => forget(path)));
    throw error;
  } finally {
    await Promise.all(files.map((file) => file?.close()));
  }
}

async function forget(path: string): Promise<void> {
  await rm(path, { force: true });
  made.delete(path);
}

function draftsOf(own: string, files: SandboxFiles): Draft[] {
  refuseUnknown("files", files, fileNames);
  return fileNames.flatMap((name) => {
    const text = files[name];
    if (text === undefined) return [];
    if (typeof text !== "string") throw invalidArgument("type", name, "must be a string");
    return [{ path: join(own, name), text: mark + text }];
  });
}

/** Removes a directory if nothing is in it. */
async function removeEmpty(own: string): Promise<void> {
  await rmdir(own).catch((error) => {
    if (!["ENOENT", "ENOTEMPTY", "ENOTDIR"].includes(error.code)) throw error;
  });
}

/**
 * Writes files of the namespace `name`, each behind a first line that tells whose it is, and makes
 * their directory if need be. A file that is not there yet is made as a whole, with mode 644; one
 * that is there is rewritten in place, because programs that run already have it mounted: they find
 * the new text the next time they open theirs. Programs that were started before the first writing
 * do not, and keep the machine's.
 *
 * Calls for one name are to be made one after another.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if no namespace can have the name.
 * @throws {ForeignFileError} `EEXIST` if a file is there that was not written by this function:
 *   nothing is changed.
 * @throws {Error} what writing below `directory` is refused with: `EACCES`, `EROFS`, `ENOSPC`, …
 */
export async function writeSandboxFiles(
  name: string,
  files: SandboxFiles,
  directory: string = defaultDirectory,
): Promise<void> {
  const own = join(directory, checkName(name));
  const drafts = draftsOf(own, files);
  if (drafts.length === 0) return;
  const first = await mkdir(own, { recursive: true });
  try {
    if (first !== undefined) await chmod(own, 0o755);
    if (first !== undefined && first !== own) await chmod(directory, 0o755);
    await write(drafts, directory, first !== undefined);
  } catch (error) {
    if (first !== undefined) await removeEmpty(own);
    throw error;
  }
}

/**
 * Removes the files of the namespace `name` that {@link writeSandboxFiles} wrote, and the directory
 * if nothing else is in it. Others' files stay; no files are no error.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if no namespace can have the name.
 */
export async function removeSandboxFiles(
  name: string,
  directory: string = defaultDirectory,
): Promise<void> {
  const own = join(directory, checkName(name));
  for (const file of fileNames) {
    const path = join(own, file);
    const temporary = temporaryOf(path, directory);
    if (existsSync(temporary)) await rm(temporary, { force: true });
    try {
      const ours = await openOwn(path);
      if (ours === undefined) continue;
      await ours.close();
    } catch (error) {
      if (error instanceof ForeignFileError || codeOf(error) === "ENOTDIR") continue;
      throw error;
    }
    await forget(path);
  }
  await removeEmpty(own);
}

/** What a file of the namespace `name` has, without the mark; `undefined` if it is not there. */
export async function readSandboxFile(
  name: string,
  file: keyof SandboxFiles,
): Promise<string | undefined> {
  try {
    const text = await readFile(join(defaultDirectory, checkName(name), file), "utf8");
    return text.startsWith(mark) ? text.slice(mark.length) : text;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** What a file is refused with that another user has, or that is none. */
const outOfReach = ["ENOTDIR", "EACCES", "EPERM", "EROFS"];

/**
 * Whether the namespace `name` has files that {@link writeSandboxFiles} wrote, in any process of a
 * user whose files this one may change.
 */
export async function isMarked(
  name: string,
  directory: string = defaultDirectory,
): Promise<boolean> {
  for (const file of fileNames) {
    try {
      const own = await openOwn(join(directory, checkName(name), file));
      await own?.close();
      if (own !== undefined) return true;
    } catch (error) {
      if (error instanceof ForeignFileError) continue;
      if (!outOfReach.includes(String(codeOf(error)))) throw error;
    }
  }
  return false;
}
