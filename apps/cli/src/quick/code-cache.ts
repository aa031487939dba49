/**
 * Keeps what V8 has compiled of a script in the user's cache folder. Compiled code is as powerful as the program itself, and V8 hardly
 * checks it. So only files are used that nobody but this user can have written, and that belong to the very script. Nothing here fails:
 * without the cache, a start only takes longer.
 */
import type { Script } from 'node:vm';

const { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, renameSync, statSync, writeFileSync } =
  process.getBuiltinModule('node:fs');
const { join } = process.getBuiltinModule('node:path');

/** Length of the digest of the script's text, in hexadecimal digits, which is the script's end and stands around the compiled code. */
const digestLength = 64;

/** Longer files are not ours. */
const fileBytesMax = 16 * 1024 * 1024;

const writableByOthers = 0o022;

/** Returns what was compiled of this script, or `undefined` where there is nothing that can be trusted. */
export function compiledBefore(name: string, source: string): Buffer | undefined {
  const folder = cacheFolder();
  if (folder === undefined) return undefined;
  try {
    // A symbolic link is not followed, and a pipe not waited for.
    const descriptor = openSync(
      join(folder, fileName(name)),
      constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    );
    try {
      return compiledIn(descriptor, digestOf(source));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined;
  }
}

function compiledIn(descriptor: number, digest: string): Buffer | undefined {
  const stats = fstatSync(descriptor);
  if (!stats.isFile() || !isOwn(stats) || stats.size > fileBytesMax || stats.size <= 2 * digestLength) return undefined;
  const bytes = Buffer.allocUnsafeSlow(stats.size);
  if (readSync(descriptor, bytes, 0, stats.size, 0) !== stats.size) return undefined;
  // At both ends, because a machine that loses its power may leave any part of a file unwritten.
  const end = stats.size - digestLength;
  if (bytes.toString('latin1', 0, digestLength) !== digest || bytes.toString('latin1', end) !== digest)
    return undefined;
  return bytes.subarray(digestLength, end);
}

/** When the program has ended well, keeps what was compiled until then. */
export function keepCompiled(name: string, source: string, script: Script): void {
  const folder = cacheFolder();
  if (folder === undefined) return;
  process.once('exit', (exitCode) => {
    if (exitCode !== 0) return;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (!isOwn(statSync(folder))) return;
      const file = join(folder, fileName(name));
      const part = `${file}.${process.pid}`;
      const digest = Buffer.from(digestOf(source), 'latin1');
      // Another process sees the whole file or none.
      writeFileSync(part, Buffer.concat([digest, script.createCachedData(), digest]), { flag: 'wx', mode: 0o600 });
      renameSync(part, file);
    } catch {
      // The next run will try again.
    }
  });
}

/** The folder for our files; `undefined` where there is none, it is somebody else's (as with sudo), or the user wants no such cache. */
function cacheFolder(): string | undefined {
  const { HOME, NODE_DISABLE_COMPILE_CACHE, XDG_CACHE_HOME } = process.env;
  if (process.geteuid === undefined || (NODE_DISABLE_COMPILE_CACHE ?? '') !== '') return undefined;
  const base = XDG_CACHE_HOME?.startsWith('/') === true ? XDG_CACHE_HOME : HOME;
  if (base?.startsWith('/') !== true) return undefined;
  try {
    if (!isOwn(statSync(base))) return undefined;
  } catch {
    return undefined;
  }
  return base === HOME ? join(base, '.cache', 'nbdjs') : join(base, 'nbdjs');
}

function isOwn({ uid, mode }: { readonly uid: number; readonly mode: number }): boolean {
  return uid === process.geteuid?.() && (mode & writableByOthers) === 0;
}

/** Code that another version of Node has compiled is of no use. */
function fileName(name: string): string {
  return `${name}-${process.version}-${process.arch}`;
}

function digestOf(source: string): string {
  return source.slice(-digestLength);
}
