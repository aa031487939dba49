/** An NBD server of the transmission phase, in memory, which answers requests as a test decides: also late, in pieces, wrongly or never. */
import type { Established, ExportFacts, HeaderMode } from '@nbdjs/interfaces';
import { TransmissionFlag, type WireExtent } from '@nbdjs/protocol';
import type { ScriptedChannelOptions } from '../scripted-channel.ts';
import { type ConnectionOwner, FakeConnection, type RequestBehaviour } from './fake-connection.ts';
import { FakeConnector } from './fake-connector.ts';
import type { FakeRequest } from './fake-request.ts';

export interface FakeServerOptions extends ScriptedChannelOptions {
  /** @default 'structured' */
  readonly mode?: HeaderMode | undefined;
  /** Bytes of the export; what lies behind them reads as zeroes. @default 256 KiB that differ from place to place */
  readonly content?: Uint8Array | undefined;
  /** Facts of the handshake that differ from the default ones. */
  readonly facts?: Partial<ExportFacts> | undefined;
  /** Answers each request, or keeps it to answer it later. @default answers at once, and correctly */
  readonly onRequest?: RequestBehaviour | undefined;
  /** Bytes that came together with the end of the handshake. @default none */
  readonly excess?: Uint8Array | undefined;
}

/** All flags that a server can offer. */
export const allTransmissionFlags =
  TransmissionFlag.HasFlags |
  TransmissionFlag.SendFlush |
  TransmissionFlag.SendFua |
  TransmissionFlag.SendTrim |
  TransmissionFlag.SendWriteZeroes |
  TransmissionFlag.SendDf |
  TransmissionFlag.SendCache |
  TransmissionFlag.SendFastZero |
  TransmissionFlag.BlockStatusPayload;

/** Bytes of which no two neighbouring KiB are alike. */
export function patternBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = index ^ (index >> 8) ^ (index >> 13);
  return bytes;
}

const usualContent = patternBytes(256 * 1024);

export class FakeServer implements ConnectionOwner {
  readonly content: Uint8Array;
  readonly connector: FakeConnector;
  readonly connections: FakeConnection[] = [];
  /** Every request that has arrived, on any connection, in order. */
  readonly requests: FakeRequest[] = [];
  facts: ExportFacts;
  onRequest: RequestBehaviour | undefined;
  /** Extents of a metadata context from an offset on. By default one extent of data. */
  extents: (name: string, offset: bigint, length: bigint) => readonly WireExtent[] = (_name, _offset, length) => [
    { length, status: 0n },
  ];
  readonly options: FakeServerOptions;

  constructor(options: FakeServerOptions = {}) {
    this.options = options;
    this.content = options.content ?? usualContent.slice();
    this.onRequest = options.onRequest;
    const mode = options.mode ?? 'structured';
    this.facts = {
      style: 'newstyle-fixed',
      mode,
      tls: false,
      exportName: '',
      size: BigInt(this.content.length),
      transmissionFlags: allTransmissionFlags,
      contexts: mode === 'simple' ? [] : [{ name: 'base:allocation', id: 7 }],
      ...options.facts,
    };
    this.connector = new FakeConnector(() => this.connect());
  }

  /** The newest connection. */
  get connection(): FakeConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('there has been no connection yet');
    return connection;
  }

  /** Makes a connection and returns the client's end of it. */
  connect(): Established {
    const connection = new FakeConnection(this);
    this.connections.push(connection);
    return { channel: connection.channel, facts: this.facts, excess: this.options.excess ?? new Uint8Array(0) };
  }

  /** The requests of one command. */
  requestsOf(command: number): readonly FakeRequest[] {
    return this.requests.filter((request) => request.command === command);
  }

  /** A copy of a range; zeroes behind the content. */
  bytes(offset: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (offset < BigInt(this.content.length)) {
      bytes.set(this.content.subarray(Number(offset), Number(offset) + length));
    }
    return bytes;
  }
}
