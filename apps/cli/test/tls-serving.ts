/** `nbd serve` with TLS, for tests that let it run. */
import { relative } from 'node:path';
import type { Workspace } from '@nbdjs/peers/local';
import { parseUri } from '@nbdjs/protocol';
import { nbdWith, type Outcome } from './harness.ts';

/** Where our server listens. */
export type ServerPlace =
  | { readonly port: number }
  /** A file of the workspace. */
  | { readonly socket: string };

export interface Serving {
  /** As it was printed. */
  readonly uri: string;
  readonly place: ServerPlace;
  /** What it has said on standard error since `forget` was called. */
  readonly notes: string;
  forget(): void;
  /** Sends it what a SIGHUP is to it. */
  hangUp(): void;
  end(): Promise<Outcome>;
}

/** Serves a disk in memory, or something else, until it is stopped. */
export async function startServing(
  workspace: Workspace,
  words: readonly string[],
  source = 'memory:1M',
): Promise<Serving> {
  const abort = new AbortController();
  let running: Promise<Outcome> | undefined;
  let notes = '';
  const hangUps = new Set<() => void>();
  const hearErrors = (text: string): void => {
    notes += text;
  };
  const argv = words.map((word) => (word.startsWith('@') ? workspace.hostPath(word.slice(1)) : word));
  const uri = await new Promise<string>((resolve, reject) => {
    running = nbdWith(
      { signal: abort.signal, hear: resolve, hearErrors, hangUps },
      'serve',
      '--print-uri',
      ...argv,
      source,
    );
    void running.then(({ stderr }) => reject(new Error(stderr)));
  });
  return {
    uri: uri.trim(),
    place: placeOf(uri.trim(), workspace),
    get notes() {
      return notes;
    },
    forget() {
      notes = '';
    },
    hangUp() {
      for (const listener of hangUps) listener();
    },
    end() {
      abort.abort(new Error('the tests are over'));
      return running as Promise<Outcome>;
    },
  };
}

function placeOf(uri: string, workspace: Workspace): ServerPlace {
  const { address } = parseUri(uri);
  if (address.transport === 'vsock') throw new Error('nothing here listens on vsock');
  return address.transport === 'unix' ? { socket: relative(workspace.folder, address.path) } : { port: address.port };
}
