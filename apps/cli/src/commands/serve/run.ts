/** `nbd serve`: exports files, memory and other servers, as qemu-nbd and nbdkit do. */
import { createServer, createThreadedServer, type Server, serverLimits, type ThreadedServer } from '@nbdjs/server';
import { inheritedListeners, serverTls, type TlsServerSettings } from '@nbdjs/transport';
import { Upstreams } from '../../connecting/upstreams.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { imageNotes } from '../../images/opening.ts';
import { requireFiles } from '../../images/options.ts';
import { LostDisks } from '../../objects/lost-disks.ts';
import { requireDiskOptions } from '../../objects/options.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { Terminal } from '../../terminal.ts';
import { accessEntry } from './access-entry.ts';
import { serveInBackground, tellReady } from './background.ts';
import { type ClientLog, createClientLog } from './client-log.ts';
import type { ServeOptions } from './command.ts';
import { idleRules, requireCompatible } from './conflicts.ts';
import { type DescriptorRoom, descriptorRoom, roomWarning } from './descriptor-room.ts';
import { exportNames, openExports } from './exports.ts';
import { ownDefaults } from './limits.ts';
import { announce, openListeners } from './listening.ts';
import { openFile, openFileSource, openSource } from './open-source.ts';
import { Service } from './service.ts';
import { isMemory, memorySizeOf, type Source } from './source.ts';
import { standardChannel } from './standard-streams.ts';
import { threadCountOf, threadOptions } from './threads.ts';
import { noteTls, serverTlsSettings } from './tls.ts';
import type { WebListening } from './web.ts';

/** Descriptors that a thread of Node has for itself. */
const threadDescriptors = 12;

/** As long as a request to a store is repeated. */
const diskCloseMsDefault = 60_000;

/** Serves until the program is stopped by a signal, or until the last client has left. */
export async function run(
  { terminal }: CommandContext,
  options: ServeOptions,
  sources: readonly Source[],
): Promise<number> {
  const { web, connectTo } = options;
  const givenTls = connectTo === undefined ? serverTlsSettings(options) : undefined;
  // By WebSocket and HTTP, TLS is that of HTTPS.
  const tls = web === undefined ? givenTls : undefined;
  const inherited = inheritedListeners();
  requireUsable(options, sources, inherited.length > 0);
  if (options.fork === true && options.readyDescriptor === undefined) return await serveInBackground(terminal);
  const closeLimitMs = givenLimits(options).closeMs ?? ownDefaults.closeMs;
  const upstreams = new Upstreams(options, terminal, closeLimitMs);
  // What clients have not flushed goes into a store at the end, which takes longer than to close a file.
  const hasDisks = sources.some(({ operand }) => operand.type === 'disk');
  const service = new Service(upstreams, closeLimitMs, terminal, hasDisks ? diskCloseMs(options) : closeLimitMs);
  const lostDisks = new LostDisks(sources.length, terminal, () => service.stop());
  try {
    const threadCount = threadCountOf(options, sources);
    const names = exportNames(sources, options.exportName);
    const clientLog = createClientLog(options, terminal);
    // Threads open the files for themselves, and other descriptors besides.
    const exports =
      threadCount === undefined
        ? await openExports(
            sources,
            options,
            (operand) => openSource(operand, options, { upstreams, lostDisks, terminal }),
            (device) => service.addDevice(device),
          )
        : await tryFiles(sources, options, terminal);
    const toCome = (threadCount ?? 0) * (threadDescriptors + sources.length);
    const room = options.stdio === true ? undefined : descriptorRoom(toCome);
    const common = commonOptions({ options, room, clientLog, service, server: () => server });
    const server: Server | ThreadedServer =
      exports === undefined
        ? await createThreadedServer({ ...common, threads: threadOptions(threadCount ?? 1, options, sources) })
        : createServer({ ...common, exports, tls: tls && serverTls(tls) });
    service.useServer(server, tls !== undefined);
    for (const line of warnings(options, inherited.length > 0, room)) terminal.note(`nbd: warning: ${line}`);
    if (options.quiet !== true) noteTls(givenTls, terminal);
    if (connectTo !== undefined) {
      const { serveAt } = await import('./web.ts');
      return await serveAt(connectTo, options, server, service, terminal);
    }
    if (options.stdio === true) {
      const exitCode = await serveStandardStreams(server, options, service, clientLog, terminal);
      return exitCode || lostDisks.exitCode;
    }
    if (web !== undefined) {
      await listenAtWeb({ ...options, web }, { service, server, room, names, tls: givenTls, terminal });
    } else {
      const listeners = openListeners({ server, options, inherited, room, terminal });
      for await (const listener of listeners) service.addListener(listener);
      service.writePidFile(options.pidFile);
      await announce(service.listeners, names, options, tls, terminal);
    }
    tellReady(options.readyDescriptor);
    await service.stopped();
    return lostDisks.exitCode;
  } finally {
    await service.close();
  }
}

/** @throws UsageError for what is wrong about the options before anything is opened. */
function requireUsable(options: ServeOptions, sources: readonly Source[], isActivated: boolean): void {
  requireCompatible(options, sources.length, isActivated);
  requireFiles(
    options,
    sources.filter((source) => memorySizeOf(source) === undefined).map(({ operand }) => operand),
  );
  requireDiskOptions(options, sources.filter(({ operand }) => operand.type === 'disk').length);
  requireKnownLimits(Object.keys(givenLimits(options)));
}

/** Threads open the files for themselves. What there is to say about them is said once, and before. */
async function tryFiles(sources: readonly Source[], options: ServeOptions, terminal: Terminal): Promise<undefined> {
  for (const { operand } of sources) {
    if (operand.type !== 'file' || isMemory(operand.path)) continue;
    const opening = { openFile, ...imageNotes(terminal, options.quiet), isStoreless: true };
    const device = await openFileSource(operand.path, options, opening);
    await device.close();
  }
}

interface WebParts {
  readonly service: Service;
  readonly server: Server | ThreadedServer;
  readonly room: DescriptorRoom | undefined;
  readonly names: readonly string[];
  readonly tls: TlsServerSettings | undefined;
  readonly terminal: Terminal;
}

/** Listens for clients by WebSocket and HTTP Upgrade, and prints where. */
async function listenAtWeb(options: ServeOptions & WebListening, parts: WebParts): Promise<void> {
  const { service, server, room, names, tls, terminal } = parts;
  // Few commands need what this loads.
  const { announceWeb, listenByWeb, reloadWebTls } = await import('./web.ts');
  const listener = await listenByWeb(options, tls, room, (channel) => void server.accept(channel));
  service.addListener(listener);
  if (tls !== undefined) service.onHangup(() => reloadWebTls(listener, tls, terminal));
  service.writePidFile(options.pidFile);
  await announceWeb(listener, names, options, terminal);
}

interface ServerParts {
  readonly options: ServeOptions;
  readonly room: DescriptorRoom | undefined;
  readonly clientLog: ClientLog;
  readonly service: Service;
  readonly server: () => Server | ThreadedServer;
}

/** The options of a server, whether it has threads or not. */
function commonOptions({ options, room, clientLog, service, server }: ServerParts) {
  const { allow = [], deny = [], stdio, oldstyle, persistent } = options;
  const places = Math.min(sharedOf(options) || Number.POSITIVE_INFINITY, room?.places ?? Number.POSITIVE_INFINITY);
  return {
    access: { allow: allow.map(accessEntry), deny: deny.map(accessEntry) },
    limits: {
      ...ownDefaults,
      ...givenLimits(options),
      connectionsMax: stdio === true ? 1 : Number.isFinite(places) ? places : 0,
    },
    style: oldstyle === true ? 'oldstyle' : 'newstyle',
    trace: clientLog,
    onSessionEnd: ({ isNegotiated }: { readonly isNegotiated: boolean }) => {
      if (!persistent && isNegotiated && server().sessions.length === 0) service.stop();
    },
  } as const;
}

/** How long a disk in a store may take to close, in milliseconds. */
function diskCloseMs(options: ServeOptions): number {
  return givenLimits(options).closeMs ?? diskCloseMsDefault;
}

/** The limits that were given. An option of its own takes precedence over `--limit`. */
function givenLimits({ limit, limits }: ServeOptions) {
  return { ...limit, ...limits };
}

/** @throws UsageError for a name that is no limit of a server. */
function requireKnownLimits(names: readonly string[]): void {
  const known: readonly string[] = serverLimits.names;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw argumentError(`--limit: '${unknown}' is not a limit of a server, expected one of ${known.join(', ')}`);
}

/** Clients at a time, without regard to the descriptors that there are; 0 for any number. */
function sharedOf(options: ServeOptions): number {
  return serverLimits.resolve('nbd serve', givenLimits(options)).connectionsMax;
}

function warnings(options: ServeOptions, isActivated: boolean, room: DescriptorRoom | undefined): readonly string[] {
  const roomLine = room === undefined ? undefined : roomWarning(room, sharedOf(options));
  return [...idleRules(options, isActivated), ...(roomLine === undefined ? [] : [roomLine])];
}

/** Serves one client. */
async function serveStandardStreams(
  server: Server | ThreadedServer,
  { pidFile }: ServeOptions,
  service: Service,
  clientLog: ClientLog,
  { signal }: Terminal,
): Promise<number> {
  const channel = standardChannel();
  service.writePidFile(pidFile);
  await Promise.race([server.accept(channel), service.stopped()]);
  return clientLog.hasFailedHandshake && !signal.aborted ? 1 : 0;
}
