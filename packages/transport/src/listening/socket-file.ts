/**
 * The file of a listening Unix socket. It never replaces the file of a living server, and only its owner removes it.
 *
 * A server that binds to a path itself can guarantee neither. Between finding an unused socket file and removing it, another server may
 * have put a living one there; and Node removes the path at the end, even if it belongs to another server by then. So the server listens
 * under a temporary name first, and is then linked to its path, at which only one server can succeed. The temporary name is removed at
 * once.
 */
import { linkSync, lstatSync, realpathSync, type Stats, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crypto } from '../late-modules.ts';
import { unixPathBytesMax } from '../unix-path.ts';

/** The length of the temporary name. */
const temporaryNameBytes = 12;
/** A socket younger than this may belong to a server that is about to listen, and is tried once more. In milliseconds. */
const youngMs = 1000;
const youngRetryMs = 50;
/** How long we wait for another process that replaces the same file, in milliseconds; then we go on without a turn. */
const turnMs = 3000;
const turnRetryMs = 10;
/** How often we try, because servers that come and go at the same path could keep us trying for ever. */
const attemptsMax = 10;

/** Sockets whose files are still there, for a process that ends without closing them. */
const files = new Set<SocketFile>();
const removeAll = (): void => {
  for (const file of files) file.remove();
};

export class SocketFile {
  readonly #path: string;
  readonly #own: Stats;

  private constructor(path: string, own: Stats) {
    this.#path = path;
    this.#own = own;
    if (files.size === 0) process.on('exit', removeAll);
    files.add(this);
  }

  /**
   * Makes a server listen at a path.
   *
   * @throws a system error: `EADDRINUSE` when another server listens there, or when the file there is no socket.
   */
  static async listen(server: Server, path: string, backlog: number | undefined): Promise<SocketFile> {
    const temporary = temporaryName(path);
    await startListening(server, temporary, backlog);
    try {
      const own = lstatSync(temporary);
      try {
        await publish(temporary, path);
      } finally {
        unlinkSync(temporary);
      }
      return new SocketFile(path, own);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /** Removes the file if it is still this socket's. Call it while the server listens, so that no other server considers it unused. */
  remove(): void {
    if (!files.delete(this)) return;
    if (files.size === 0) process.off('exit', removeAll);
    removeIfStill(this.#path, this.#own);
  }
}

/** Listens, with an error that names the cause: for a missing folder, Node reports that permission is denied. */
async function startListening(server: Server, path: string, backlog: number | undefined): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path, backlog }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    // Throws the real error when the folder is missing.
    lstatSync(join(dirname(path), '.'));
    throw error;
  }
}

/**
 * Returns a random name in the same folder that is no longer than the path may be. Node does not listen at a name that reads as a number,
 * such as `.67283857305`, so there is a letter in it that no number has.
 */
function temporaryName(path: string): string {
  const [folder, name] = [dirname(path), basename(path)];
  const room = unixPathBytesMax - Buffer.byteLength(join(folder, '/'));
  const length = Math.min(room, Math.max(temporaryNameBytes, Buffer.byteLength(name)));
  return join(folder, `.n${crypto().randomBytes(length).toString('hex')}`.slice(0, length));
}

/** Links a socket to its path, in the place of an unused one where necessary. */
async function publish(temporary: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (link(temporary, path)) return;
    const turn = await takeTurn(path);
    try {
      const found = statOf(path);
      if (found === undefined) continue;
      if (!found.isSocket()) throw inUse('the file there is not a socket');
      if (await isAlive(path, found)) throw inUse('a server listens there');
      removeIfStill(path, found);
      if (link(temporary, path)) return;
    } finally {
      turn?.close();
    }
  }
  throw inUse('other processes keep creating it');
}

/** Links the file to a path. Returns whether the path was free. */
function link(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function inUse(why: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`address already in use: ${why}`), { code: 'EADDRINUSE' });
}

function removeIfStill(path: string, known: Stats): void {
  const now = statOf(path);
  if (now !== undefined && now.ino === known.ino && now.dev === known.dev) unlinkSync(path);
}

/** Returns whether a server listens at a socket: the system refuses a connection only where none does. */
async function isAlive(path: string, found: Stats): Promise<boolean> {
  for (let isFirst = true; ; isFirst = false) {
    const code = await tryConnect(path);
    if (code === 'ENOENT') return false;
    // Without the permission to connect we cannot find out, and could not replace it either.
    if (code === 'EACCES' || code === 'EPERM')
      throw inUse('there is no permission to find out whether a server listens there');
    if (code !== 'ECONNREFUSED') return true;
    // Other servers bind first and listen a moment later.
    if (!isFirst || Date.now() - found.ctimeMs > youngMs) return false;
    await sleep(youngRetryMs);
  }
}

/** Connects, and closes the connection. Returns the error's code, if there was an error. */
function tryConnect(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'unknown'));
  });
}

/**
 * Lets only one process at a time replace the file at a path, by a name in Linux's abstract namespace, which the system releases when a
 * process dies. Returns `undefined` where there is no such namespace, or when another process keeps the name too long: then the second
 * look at the path has to be enough.
 */
async function takeTurn(path: string): Promise<Server | undefined> {
  if (process.platform !== 'linux') return undefined;
  const place = join(realpathSync(dirname(path)), basename(path));
  const name = `\0nbdjs-${crypto().createHash('sha256').update(place).digest('hex')}`;
  const until = performance.now() + turnMs;
  while (performance.now() < until) {
    const turn = createServer((socket) => socket.destroy());
    try {
      await startListening(turn, name, undefined);
      return turn;
    } catch {
      await sleep(turnRetryMs);
    }
  }
  return undefined;
}
