/** `nbd proxy`: between clients and a server, prints or records what they say, and does to it what rules say. */
import { createHash, hash } from 'node:crypto';
import { once } from 'node:events';
import type { ByteChannel } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import {
  type ConnectionEntry,
  createListeningProxy,
  createRecordingFile,
  FaultInjector,
  type RecordingFile,
  SessionLog,
} from '@nbdjs/recorder';
import type { Listener } from '@nbdjs/transport';
import { targetOf } from '../../connecting/open-server.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { oneLine, systemErrorOf } from '../../errors/one-line.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { ServerOperand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import { requireOnePlace } from '../serve/conflicts.ts';
import { type DescriptorRoom, descriptorRoom } from '../serve/descriptor-room.ts';
import { announce, openListeners } from '../serve/listening.ts';
import type { ProxyCommandOptions } from './command.ts';
import { TracePrinter } from './printer.ts';
import { upstreamOf } from './upstream.ts';

/** What was recorded is in the file after this time, in milliseconds. */
const flushMs = 1000;

/** Passes sessions on until the program is stopped by a signal. */
export async function run(
  { terminal }: CommandContext,
  options: ProxyCommandOptions,
  server: ServerOperand,
): Promise<number> {
  requireCompatible(options);
  const { record, fault, seed, quiet: isQuiet = false, json = false, payload } = options;
  const upstream = upstreamOf(await targetOf(server, options));
  const printer = record === undefined || json ? new TracePrinter(terminal, json) : undefined;
  const sinks: ((entry: ConnectionEntry) => void)[] =
    isQuiet || printer === undefined ? [] : [(entry) => printer.add(entry)];
  const log = new SessionLog((entry) => sinks.forEach((sink) => void sink(entry)), {
    clock: systemClock,
    startedMs: Date.now(),
    payload: payload ?? (record === undefined ? 'none' : 'hash'),
    createHash: () => createHash('sha256'),
    hashWhole: (bytes) => hash('sha256', bytes, 'buffer'),
  });
  const recorder = record === undefined ? undefined : new FileRecorder(record, log, options, terminal);
  if (recorder !== undefined) sinks.push((entry) => recorder.add(entry));
  const proxy = createListeningProxy({
    upstream: upstream.opener,
    log,
    clock: systemClock,
    hold: () => printer?.hold,
    ...(fault === undefined ? {} : { faults: new FaultInjector(fault, seed) }),
  });
  const accept = async (channel: ByteChannel): Promise<void> => {
    const error = await proxy.accept(channel);
    if (error !== undefined && !terminal.signal.aborted) terminal.note(`nbd: ${oneLine(error)}`);
  };
  const listeners: Listener[] = [];
  try {
    const room = roomForPairs();
    for await (const listener of openListeners({ server: { accept }, options, inherited: [], room, terminal })) {
      listeners.push(listener);
    }
    const tls = upstream.tlsRequired ? ({ mode: 'require' } as const) : undefined;
    await announce(listeners, [upstream.exportName], options, tls, terminal);
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
    return recorder?.hasFailed === true ? 1 : 0;
  } finally {
    for (const listener of listeners) await listener.close();
    await proxy.close();
    recorder?.close();
    await printer?.finish().catch(() => {});
  }
}

/** Each client needs a second descriptor, for its connection to the server. */
function roomForPairs(): DescriptorRoom | undefined {
  const room = descriptorRoom(2);
  return room && { ...room, clients: Math.max(1, Math.floor(room.clients / 2)) };
}

function requireCompatible(options: ProxyCommandOptions): void {
  requireOnePlace(options);
  const { record, recordMax, payload, quiet, json } = options;
  if (recordMax !== undefined && record === undefined) throw argumentError('--record-max needs --record');
  if (payload === 'full' && record === undefined) throw argumentError('--payload full needs --record');
  if (quiet === true && json === true) throw argumentError('--quiet and --json exclude each other');
}

/** Records into a file. When that fails, sessions go on. */
class FileRecorder {
  hasFailed = false;
  readonly #path: string;
  readonly #file: RecordingFile;
  readonly #terminal: Terminal;
  readonly #timer: NodeJS.Timeout;
  #isFullNoted = false;

  constructor(path: string, log: SessionLog, { recordMax, recordKeep }: ProxyCommandOptions, terminal: Terminal) {
    this.#path = path;
    this.#terminal = terminal;
    try {
      this.#file = createRecordingFile(path, log, { bytesMax: recordMax, keep: recordKeep });
    } catch (error) {
      throw systemErrorOf(path, error);
    }
    this.#timer = setInterval(() => this.#try(() => this.#file.flush()), flushMs).unref();
  }

  add(entry: ConnectionEntry): void {
    if (this.hasFailed) return;
    this.#try(() => this.#file.add(entry));
    if (this.#file.isFull && !this.#isFullNoted) {
      this.#isFullNoted = true;
      this.#terminal.note(`nbd: ${this.#path}: the recording is as long as --record-max allows, and has ended`);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#try(() => this.#file.close());
  }

  #try(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.hasFailed) {
        this.#terminal.note(`nbd: ${oneLine(systemErrorOf(this.#path, error))}; sessions are not recorded any more`);
      }
      this.hasFailed = true;
    }
  }
}
