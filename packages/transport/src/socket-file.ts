/**
 * The file of a listening Unix socket. It is taken from nobody who lives, and removed by nobody but its owner.
 *
 * A server that binds to a path itself can neither: between finding a dead socket and removing it, somebody else may have put a living
 * one there, and Node removes the path at the end, whoever it belongs to by then. So the server listens under a passing name first, and
 * is then linked to its path, which only one can do; of the passing name nothing is left that could be removed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { linkSync, lstatSync, realpathSync, type Stats, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unixPathBytesMax } from './unix-path.ts';

/** What a socket's file is called until it has its path. */
const passingNameBytes = 12;
/** A socket so young may belong to a server that is about to listen, and is asked once more. In milliseconds. */
const youthMs = 1000;
const youngRetryMs = 50;
/** How long somebody else may be at work on the same path, in milliseconds; then we go ahead. */
const turnMs = 3000;
const turnRetryMs = 10;
/** Servers that come and go at the same path could keep us from it for ever. */
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
   * Has a server listen at a path that nobody else listens at.
   *
   * @throws a system error: `EADDRINUSE` when somebody does, or when something else than a socket is there.
   */
  static async listen(server: Server, path: string, backlog: number | undefined): Promise<SocketFile> {
    const passing = passingName(path);
    await begin(server, passing, backlog);
    try {
      const own = lstatSync(passing);
      try {
        await publish(passing, path);
      } finally {
        unlinkSync(passing);
      }
      return new SocketFile(path, own);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  /** Removes the file if it is still this socket's. To be called while the server listens, so that nobody takes it for dead. */
  remove(): void {
    if (!files.delete(this)) return;
    if (files.size === 0) process.off('exit', removeAll);
    removeIfStill(this.#path, this.#own);
  }
}

/** Listens, with an error that tells the cause: Node says of a folder that is not there that permission is denied. */
async function begin(server: Server, path: string, backlog: number | undefined): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path, backlog }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    // Throws what is really wrong, if it is that.
    lstatSync(join(dirname(path), '.'));
    throw error;
  }
}

/** A name in the same folder that tells whose it is, and fits wherever the path does. */
function passingName(path: string): string {
  const [folder, name] = [dirname(path), basename(path)];
  const room = unixPathBytesMax - Buffer.byteLength(join(folder, '/'));
  const length = Math.min(room, Math.max(passingNameBytes, Buffer.byteLength(name)));
  return join(folder, `.${randomBytes(length).toString('hex')}`.slice(0, length));
}

/** Gives a socket its path, in the place of a dead one if need be. */
async function publish(passing: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    if (link(passing, path)) return;
    const turn = await takeTurn(path);
    try {
      const found = statOf(path);
      if (found === undefined) continue;
      if (!found.isSocket()) throw inUse('there is something else than a socket');
      if (await isAlive(path, found)) throw inUse('a server listens there');
      removeIfStill(path, found);
      if (link(passing, path)) return;
    } finally {
      turn?.close();
    }
  }
  throw inUse('others keep coming in between');
}

/** Whether the path was free. */
function link(passing: string, path: string): boolean {
  try {
    linkSync(passing, path);
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

/** Whether somebody listens at a socket: the system refuses only where nobody does. */
async function isAlive(path: string, found: Stats): Promise<boolean> {
  for (let isFirst = true; ; isFirst = false) {
    const code = await knock(path);
    if (code === 'ENOENT') return false;
    // Whoever may not even knock cannot know, and could not take its place either.
    if (code === 'EACCES' || code === 'EPERM') throw inUse('whether a server listens there is not for us to find out');
    if (code !== 'ECONNREFUSED') return true;
    // Others bind first and listen then.
    if (!isFirst || Date.now() - found.ctimeMs > youthMs) return false;
    await sleep(youngRetryMs);
  }
}

/** Connects, and leaves again; gives the error's code if there was one. */
function knock(path: string): Promise<string | undefined> {
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
 * Lets only one at a time replace what is at a path, by a name in Linux's abstract namespace, which the system takes back from
 * whoever dies. Nothing where there is none, or where somebody does not let go of it: looking twice has to do then.
 */
async function takeTurn(path: string): Promise<Server | undefined> {
  if (process.platform !== 'linux') return undefined;
  const place = join(realpathSync(dirname(path)), basename(path));
  const name = `\0nbdjs-${createHash('sha256').update(place).digest('hex')}`;
  const until = performance.now() + turnMs;
  while (performance.now() < until) {
    const turn = createServer((socket) => socket.destroy());
    try {
      await begin(turn, name, undefined);
      return turn;
    } catch {
      await sleep(turnRetryMs);
    }
  }
  return undefined;
}
