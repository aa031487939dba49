/** A client of a few words over a channel in memory, in virtual time: it says what it is told to, and reads only when it likes. */
import type { ByteSink, PeerDescription } from '@nbdjs/interfaces';
import { encodeClientFlags, encodeOptionRequest, Option, writeExtendedRequest } from '@nbdjs/protocol';
import { VirtualClock } from '@nbdjs/testkit';
import { createMemoryPair } from '@nbdjs/transport';
import { createServer, type Server, type ServerOptions } from '../src/index.ts';

/** A server in virtual time, which looks after its clients every quarter of the shortest limit. */
export function startServer(options: ServerOptions): { readonly server: Server; readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  return { server: createServer({ clock, ...options }), clock };
}

export class HostileClient implements ByteSink {
  /** The server has ended the connection. */
  isCutOff = false;
  receivedBytes = 0;
  readonly gone: Promise<void>;
  readonly #channel;
  readonly #memory = new Uint8Array(64 * 1024);

  /** `peer`: who the server shall take it for. */
  constructor(server: Server, peer: Partial<PeerDescription> = {}) {
    const [ours, theirs] = createMemoryPair();
    this.#channel = ours;
    ours.open(this);
    Object.assign(theirs, { peer: { ...theirs.peer, ...peer } });
    this.gone = server.accept(theirs);
  }

  say(...pieces: readonly Uint8Array[]): void {
    this.#channel.send(pieces);
  }

  /** From now on it does not read, or does again. */
  stopReading(isStopped = true): void {
    this.#channel.pause(isStopped);
  }

  leave(): void {
    this.#channel.destroy();
  }

  /** Says only that it will say no more. */
  endSaying(): void {
    this.#channel.end();
  }

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    this.receivedBytes += byteCount;
  }

  drained(): void {}

  ended(): void {
    this.isCutOff = true;
    this.#channel.destroy();
  }
}

/** All that it takes to be in transmission, with extended headers and one context. */
export const wayIn = Buffer.concat([
  encodeClientFlags(3),
  encodeOptionRequest({ option: Option.ExtendedHeaders }),
  encodeOptionRequest({ option: Option.SetMetaContext, exportName: '', queries: ['base:allocation'] }),
  encodeOptionRequest({ option: Option.Go, exportName: '', infoTypes: [] }),
]);

/** A request's header; the cookie is of no interest here. */
export function header(type: number, offset: number, length: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(32);
  writeExtendedRequest(new DataView(bytes.buffer), 0, flags, type, 0, 1, 0, offset, 0, length);
  return bytes;
}

/** Lets everything happen that needs no time. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((next) => setImmediate(next));
}
