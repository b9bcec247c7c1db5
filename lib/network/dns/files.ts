// The files below /etc/netns/NAME, which programs in the namespace NAME find over those in /etc.
//
// All is done in the calling thread: the files are short and stay in memory until the system writes
// them, so that a call takes microseconds, and a trip to a thread of libuv's takes ten times as long.
// Nobody else's turn comes between a look at a file and what is done to it, either.

import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  type Stats,
  writeSync,
} from "node:fs";
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

/** Whether an open file is one of these, and not somebody else's. */
function isOwn(path: string, file: number): boolean {
  const facts = fstatSync(file);
  if (!facts.isFile()) return false;
  if (made.get(path) === identityOf(facts)) return true;
  const buffer = Buffer.alloc(mark.length);
  const length = readSync(file, buffer, 0, mark.length, 0);
  return buffer.toString("latin1", 0, length) === mark;
}

/** Opens a file that is to be changed; undefined if there is none. */
function openOwn(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    // A link, a directory, a socket: nothing that was written here.
    throw ["ELOOP", "EISDIR", "ENXIO"].includes(String(codeOf(error)))
      ? new ForeignFileError(path)
      : error;
  }
  try {
    if (isOwn(path, file)) return file;
    throw new ForeignFileError(path);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/**
 * Gives a file that is there another content, in one write. It has to stay the same file: it is
 * mounted over another one for the programs that run already. What is shorter is followed by empty
 * lines until the file is cut, so that no end of the old content is found behind it; who reads
 * during the write itself can find some of each, which no file system forbids.
 */
function overwrite(file: number, text: string): void {
  const { size } = fstatSync(file);
  const wanted = Buffer.from(text);
  const present = Buffer.alloc(size);
  readSync(file, present, 0, size, 0);
  if (wanted.equals(present)) return;
  const padded = Buffer.alloc(Math.max(size, wanted.length), "\n");
  wanted.copy(padded);
  writeSync(file, padded, 0, padded.length, 0);
  if (size > wanted.length) ftruncateSync(file, wanted.length);
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
function create({ path, text }: Draft, temporary: string): void {
  try {
    rmSync(temporary, { force: true });
    const file = openSync(temporary, "wx");
    try {
      writeSync(file, text);
      // Whatever the umask: programs of every user read it.
      fchmodSync(file, 0o644);
      made.set(path, identityOf(fstatSync(file)));
    } finally {
      closeSync(file);
    }
    // Unlike a renaming, it fails if there is a file by now.
    linkSync(temporary, path);
  } catch (error) {
    made.delete(path);
    throw codeOf(error) === "EEXIST" ? new ForeignFileError(path) : error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function write(drafts: readonly Draft[], directory: string, fresh: boolean): void {
  const files: (number | undefined)[] = [];
  const created: string[] = [];
  try {
    // All of them are looked at before one is changed.
    for (const { path } of drafts) files.push(fresh ? undefined : openOwn(path));
    for (const [n, draft] of drafts.entries()) {
      const file = files[n];
      if (file !== undefined) overwrite(file, draft.text);
      else {
        create(draft, temporaryOf(draft.path, directory));
        created.push(draft.path);
      }
    }
  } catch (error) {
    for (const path of created) forget(path);
    throw error;
  } finally {
    for (const file of files) if (file !== undefined) closeSync(file);
  }
}

function forget(path: string): void {
  rmSync(path, { force: true });
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

/** Makes the directory of a namespace's files, and gives the first that was not there. */
function makeDirectory(own: string, directory: string): string | undefined {
  try {
    return mkdirSync(own, { recursive: true });
  } catch (error) {
    // So Node says where the file system is mounted read-only; the system itself says EROFS.
    if (codeOf(error) === "ENOENT") mkdirSync(existsSync(directory) ? own : directory);
    throw error;
  }
}

/** Removes a directory if nothing is in it. */
function removeEmpty(own: string): void {
  // Of one that is not there, a file system that is mounted read-only says EROFS.
  if (!existsSync(own)) return;
  try {
    rmdirSync(own);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "ENOTDIR"].includes(String(codeOf(error)))) throw error;
  }
}

/**
 * Writes files of the namespace `name`, each behind a first line that tells whose it is, and makes
 * their directory if need be. A file that is not there yet is made as a whole, with mode 644; one
 * that is there is rewritten in place, because programs that run already have it mounted: they find
 * the new text the next time they open theirs. Programs that were started before the first writing
 * do not, and keep the machine's.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if no namespace can have the name.
 * @throws {ForeignFileError} `EEXIST` if a file is there that was not written by this function:
 *   nothing is changed.
 * @throws {Error} what writing below `directory` is refused with: `EACCES`, `EROFS`, `ENOSPC`, …
 */
export function writeSandboxFiles(
  name: string,
  files: SandboxFiles,
  directory: string = defaultDirectory,
): void {
  const own = join(directory, checkName(name));
  const drafts = draftsOf(own, files);
  if (drafts.length === 0) return;
  const first = makeDirectory(own, directory);
  try {
    if (first !== undefined) chmodSync(own, 0o755);
    if (first !== undefined && first !== own) chmodSync(directory, 0o755);
    write(drafts, directory, first !== undefined);
  } catch (error) {
    if (first !== undefined) removeEmpty(own);
    throw error;
  }
}

/**
 * Removes the files of the namespace `name` that {@link writeSandboxFiles} wrote, and the directory
 * if nothing else is in it. Others' files stay; no files are no error.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if no namespace can have the name.
 */
export function removeSandboxFiles(name: string, directory: string = defaultDirectory): void {
  const own = join(directory, checkName(name));
  for (const file of fileNames) {
    const path = join(own, file);
    rmSync(temporaryOf(path, directory), { force: true });
    try {
      const ours = openOwn(path);
      if (ours === undefined) continue;
      closeSync(ours);
    } catch (error) {
      if (error instanceof ForeignFileError || codeOf(error) === "ENOTDIR") continue;
      throw error;
    }
    forget(path);
  }
  removeEmpty(own);
}

/** What a file of the namespace `name` has, without the mark; `undefined` if it is not there. */
export function readSandboxFile(name: string, file: keyof SandboxFiles): string | undefined {
  try {
    const text = readFileSync(join(defaultDirectory, checkName(name), file), "utf8");
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
export function isMarked(name: string, directory: string = defaultDirectory): boolean {
  for (const file of fileNames) {
    try {
      const own = openOwn(join(directory, checkName(name), file));
      if (own === undefined) continue;
      closeSync(own);
      return true;
    } catch (error) {
      if (error instanceof ForeignFileError) continue;
      if (!outOfReach.includes(String(codeOf(error)))) throw error;
    }
  }
  return false;
}
