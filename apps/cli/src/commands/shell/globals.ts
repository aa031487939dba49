/** What is at hand in the shell. */
import { Console } from 'node:console';
import type { NbdClient } from '@nbdjs/client';
import type { Negotiation } from '@nbdjs/connection';
import type { Terminal } from '../../terminal.ts';
import type { Opened } from './opened.ts';
import type { ShellServers } from './servers.ts';
import { dumpText, printedText } from './value-text.ts';

type Globals = Readonly<Record<string, unknown>>;

/** Defines them on the global object, so that modules see them as well. Returns a function that takes them away again. */
export function defineGlobals(globals: Globals): () => void {
  const before = new Map<string, PropertyDescriptor | undefined>();
  for (const [name, value] of Object.entries(globals)) {
    before.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, { value, configurable: true, enumerable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  };
}

/** Opening, printing and the packages. */
export async function commonGlobals(
  servers: ShellServers,
  opened: Opened,
  terminal: Terminal,
  color: boolean | undefined,
): Promise<Globals> {
  const colours = terminal.colours('stdout', color);
  const modules = {
    nbd: import('@nbdjs/client'),
    storage: import('@nbdjs/storage'),
    images: import('@nbdjs/images'),
    copy: import('@nbdjs/copy'),
    load: import('@nbdjs/load'),
  };
  const packages = await Promise.all(
    Object.entries(modules).map(async ([name, module]) => [name, opened.keepingModule(await module)] as const),
  );
  return {
    ...Object.fromEntries(packages),
    connect: servers.connect,
    negotiate: servers.negotiate,
    console: new Console({ stdout: terminal.stdout, stderr: terminal.stderr }),
    print: (...values: readonly unknown[]): void => {
      terminal.stdout.write(`${values.map((value) => printedText(value, colours)).join(' ')}\n`);
    },
    hexdump: (bytes: Uint8Array, offset: bigint | number = 0): void => {
      terminal.stdout.write(dumpText(bytes, BigInt(offset), colours));
    },
  };
}

/** The server of the command line: open, ... */
export function clientGlobals(client: NbdClient): Globals {
  return { client, device: client };
}

/** ... or before that. */
export function negotiationGlobals(negotiation: Negotiation, servers: ShellServers): Globals {
  return {
    negotiation,
    // There at last when an export is opened.
    client: undefined,
    device: undefined,
    go: async (exportName?: string): Promise<NbdClient> => {
      const client = await servers.adopt(negotiation, exportName);
      Object.assign(globalThis, clientGlobals(client));
      return client;
    },
  };
}
