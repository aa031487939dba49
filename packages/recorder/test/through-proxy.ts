/** Our client and our server in memory, with a proxy between them. */

import { createHash } from 'node:crypto';
import { type ConnectOptions, connect, type NbdClient } from '@nbdjs/client';
import type { ByteChannel } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { createMemoryPair } from '@nbdjs/transport';
import {
  type ConnectionEntry,
  createListeningProxy,
  FaultInjector,
  type ListeningProxy,
  type PayloadKeeping,
  SessionLog,
} from '../src/index.ts';

const exportBytes = 1024 * 1024;

export interface Through extends AsyncDisposable {
  readonly proxy: ListeningProxy;
  readonly log: SessionLog;
  /** All that was logged; pieces of payload are copies. */
  readonly entries: ConnectionEntry[];
  /** Connects a client. */
  connect(options?: ConnectOptions): Promise<NbdClient>;
  /** What the sessions have ended with, so far. */
  readonly ends: (Error | undefined)[];
}

/** `rules` are faults. `sink` is given each entry, too. */
export async function throughProxy({
  rules = [],
  payload = 'none',
  sink = () => {},
  seed = 1,
}: {
  readonly rules?: readonly string[];
  readonly payload?: PayloadKeeping;
  readonly sink?: (entry: ConnectionEntry) => void;
  readonly seed?: number;
} = {}): Promise<Through> {
  const server = createServer({ exports: { '': { device: createMemoryDevice({ size: exportBytes }) } } });
  const entries: ConnectionEntry[] = [];
  const ends: (Error | undefined)[] = [];
  const log = new SessionLog(
    (entry) => {
      sink(entry);
      entries.push(entry.type === 'payload' ? { ...entry, bytes: entry.bytes.slice() } : entry);
    },
    { clock: systemClock, startedMs: 1e12, payload, createHash: () => createHash('sha256') },
  );
  const proxy = createListeningProxy({
    upstream: {
      name: 'memory',
      open: () => {
        const [ours, theirs] = createMemoryPair();
        void server.accept(theirs);
        return ours;
      },
    },
    log,
    clock: systemClock,
    ...(rules.length === 0 ? {} : { faults: new FaultInjector(rules, seed) }),
  });
  const open = (): ByteChannel => {
    const [ours, theirs] = createMemoryPair();
    void proxy.accept(theirs).then((end) => ends.push(end));
    return ours;
  };
  return {
    proxy,
    log,
    entries,
    ends,
    connect: (options = {}) => connect({ open, name: 'test' }, { reconnects: false, ...options }),
    async [Symbol.asyncDispose]() {
      await proxy.close();
      await server.close();
    },
  };
}
