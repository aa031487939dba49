/** `nbd serve`: exports files, memory and other servers, as qemu-nbd and nbdkit do. */
import { type BlockDevice, type ByteChannel, limits, UsageError } from '@nbdjs/interfaces';
import { createServer, type Export, type Server } from '@nbdjs/server';
import { type Listener, listen } from '@nbdjs/transport';
import { accessEntry } from '../arguments/access.ts';
import type { Operand } from '../arguments/operands.ts';
import { tlsNotes } from '../arguments/tls.ts';
import { oneLine } from '../failure.ts';
import type { Terminal } from '../terminal.ts';
import { descriptorRoom, roomWarning } from './descriptor-room.ts';
import { writePidFile } from './pid-file.ts';
import { refusalTrace } from './refusals.ts';
import { seldom } from './seldom.ts';
import { refuseConflicts, type ServeOptions, vainRules } from './serve-options.ts';
import { announce, inheritedDescriptors, targets } from './serve-places.ts';
import { namedSource, openSource } from './serve-sources.ts';
import { standardChannel } from './standard-streams.ts';
import { Upstreams } from './upstream.ts';

export type { ServeOptions } from './serve-options.ts';

/** Clients at a time, as the server has it. */
const sharedDefault = limits.connectionsMax;
/**
 * As long as systems let it be. Of those who come when the queue is full, some believe that they are connected, and wait for a greeting
 * for ever: a server of NBD speaks first, so nobody would ever notice.
 */
const backlogDefault = 4096;
/** Clients that are still there when we are told to stop have so long to go. */
const closeMs = 2000;

/** What it takes beyond that when nothing hangs. */
const hangMs = 1000;

/** Serves until it is told to stop, or until the last client has left. */
export async function serve(
  words: readonly string[],
  parse: (word: string) => Operand,
  options: ServeOptions,
  terminal: Terminal,
): Promise<number> {
  const inherited = inheritedDescriptors();
  refuseConflicts(options, words.length, inherited.length > 0);
  const closeLimitMs = options.limits.closeMs ?? closeMs;
  const upstreams = new Upstreams(options, terminal, closeLimitMs);
  const devices: BlockDevice[] = [];
  const listeners: Listener[] = [];
  let server: Server | undefined;
  let ignoreHangups = (): void => {};
  let removePidFile = (): void => {};
  try {
    const exports: Record<string, Export> = {};
    for (const word of words) {
      const { name, operand } = namedSource(word, parse, words.length, options.exportName);
      if (name in exports) throw new UsageError('ERR_NBD_ARGUMENT', `there are two exports named '${name}'`);
      const device = await openSource(operand, options, upstreams);
      devices.push(device);
      exports[name] = {
        device,
        description: options.description,
        readOnly: options.readOnly,
        unaligned: options.refuseUnaligned ? 'refuse' : 'mend',
      };
    }
    let stop: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    const refusals = refusalTrace(terminal, options);
    const { connectionsMax: shared = sharedDefault } = options.limits;
    const room = options.stdio ? undefined : descriptorRoom();
    const places = Math.min(shared || Number.POSITIVE_INFINITY, room?.places ?? Number.POSITIVE_INFINITY);
    const running = createServer({
      exports,
      access: { allow: options.allow.map(accessEntry), deny: options.deny.map(accessEntry) },
      limits: { closeMs, ...options.limits, connectionsMax: options.stdio ? 1 : Number.isFinite(places) ? places : 0 },
      tls: options.tls,
      style: options.oldstyle ? 'oldstyle' : 'newstyle',
      trace: refusals,
      onSessionEnd: ({ isNegotiated }) => {
        if (!options.persistent && isNegotiated && running.sessions.length === 0) stop();
      },
    });
    server = running;
    terminal.signal.addEventListener('abort', () => stop(), { once: true });
    if (options.tls !== undefined) ignoreHangups = terminal.onHangup(() => reloadTls(running, terminal));
    const roomLine = room === undefined ? undefined : roomWarning(room, shared);
    for (const line of [...vainRules(options, inherited.length > 0), ...(roomLine === undefined ? [] : [roomLine])]) {
      terminal.note(`nbd: warning: ${line}`);
    }
    if (!options.quiet) for (const line of tlsNotes(options.tls)) terminal.note(`nbd: ${line}`);
    if (options.stdio) {
      const channel = standardChannel();
      if (options.pidFile !== undefined) removePidFile = writePidFile(options.pidFile);
      await Promise.race([running.accept(channel), stopped]);
      return refusals.hasFailed && !terminal.signal.aborted ? 1 : 0;
    }
    // Who the clients are has to be found out only where it matters.
    const users = options.allow.length > 0 || options.deny.length > 0;
    const accept = (channel: ByteChannel): Promise<void> => running.accept(channel);
    const where = targets(options, inherited);
    const how = {
      backlog: options.backlog ?? backlogDefault,
      users,
      ...(room === undefined ? {} : { connectionsMax: Math.max(1, Math.floor(room.clients / where.length)) }),
      onFull: seldom((canWait: boolean) => terminal.note(fullLine(room?.limit ?? 0, canWait))),
    };
    for (const target of where) listeners.push(await listen(target, accept, how));
    if (options.pidFile !== undefined) removePidFile = writePidFile(options.pidFile);
    await announce(listeners, Object.keys(exports), options, terminal);
    if (!terminal.signal.aborted) await stopped;
    return 0;
  } finally {
    ignoreHangups();
    const inTime = upstreams.endInTime();
    for (const listener of listeners) await listener.close();
    // Sessions end when no device works for them any more, which a device that hangs does not let them.
    if (server !== undefined) await within(closeLimitMs + hangMs, server.close());
    for (const device of devices) await within(closeLimitMs, device.close());
    inTime();
    removePidFile();
  }
}

function fullLine(limit: number, canWait: boolean): string {
  const then = canWait ? 'further clients wait until others leave' : 'further clients may find the door shut';
  return `nbd: as many clients are connected as ulimit -n (${limit}) has room for: ${then}`;
}

/** Waits for something, but not longer than so many milliseconds: the file system behind a file, say, may hang. */
async function within(limitMs: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

/** Certificates expire, and are replaced while clients are connected. */
function reloadTls(server: Server, terminal: Terminal): void {
  try {
    server.reloadTls();
    terminal.note('nbd: SIGHUP: certificates and keys were read again, for clients that come from now on');
  } catch (error) {
    terminal.note(`nbd: SIGHUP: ${oneLine(error)}; the certificates and keys stay as they were`);
  }
}
