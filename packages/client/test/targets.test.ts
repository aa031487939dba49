/** What `connect` is given: every form of a target, and one-line errors for what is none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { describe, expect, it } from 'vitest';
import {
  type ConnectOptions,
  type ConnectTarget,
  connect,
  openClient,
  resolveTarget,
  UsageError,
} from '../src/index.ts';

const nowhere = 'nbd+unix:///?socket=/nowhere/socket';
const forms = 'an NBD URI, { host, port, exportName }, { path, exportName }, { command }, { descriptor } or { open }';

describe('a target', () => {
  it.each<[unknown, object, string]>([
    [new URL('nbd://localhost:10810/disk'), { type: 'tcp', host: 'localhost', port: 10810 }, 'disk'],
    [{ host: 'localhost' }, { type: 'tcp', host: 'localhost', port: 10809 }, ''],
    [{ host: '::1', port: 1, exportName: 'a/b' }, { type: 'tcp', host: '::1', port: 1 }, 'a/b'],
    [{ path: '/run/nbd.sock', exportName: 'disk' }, { type: 'unix', path: '/run/nbd.sock' }, 'disk'],
    [{ descriptor: 0 }, { type: 'descriptor', fd: 0 }, ''],
    [{ command: ['nbdkit'] }, { type: 'command', command: ['nbdkit'], mode: 'socket-activation' }, ''],
    [resolvable(), { type: 'tcp', host: 'h', port: 5 }, 'x'],
  ])('may be %o', (target, endpoint, exportName) => {
    expect(resolveTarget(target as ConnectTarget)).toMatchObject({ endpoint, exportName });
  });

  it.each<[unknown, string]>([
    [undefined, `the target is undefined, expected ${forms}`],
    [null, `the target is null, expected ${forms}`],
    [5, `the target is 5, expected ${forms}`],
    [{}, `the target is an object, expected ${forms}`],
    [{ port: 10809 }, `the target is an object, expected ${forms}`],
    [{ host: '' }, "the target: host is '', expected a string that is not empty"],
    [{ host: undefined }, 'the target: host is missing, expected a string that is not empty'],
    [{ host: 'h', port: '10809' }, "the target: port is '10809', expected a port from 1 to 65535"],
    [{ host: 'h', port: 65536 }, 'the target: port is 65536, expected a port from 1 to 65535'],
    [{ host: 'h', exportname: 'x' }, "the target: unknown option 'exportname' (did you mean 'exportName'?)"],
    [{ path: 5 }, 'the target: path is 5, expected a string that is not empty'],
    [{ path: '/x', exportName: 5 }, 'the target: exportName is 5, expected a string'],
    [{ command: 'qemu-nbd' }, "the target: command is 'qemu-nbd', expected an array of a program and its arguments"],
    [{ command: [] }, 'the target: command is an array, expected an array of a program and its arguments'],
    [{ command: ['x'], mode: 'pipe' }, "the target: mode is 'pipe', expected 'socket-activation' or 'socket-pair'"],
    [{ descriptor: -1 }, 'the target: descriptor is -1, expected a whole number from 0 on'],
    [
      { address: { transport: 'tcp' }, exportName: 'x' },
      "the target: address is an object, expected an address with its transport: 'tcp', 'unix' or 'vsock'",
    ],
    [
      { address: { transport: 'tcp', host: 'h', port: 1 }, exportName: 'x' },
      'the target: extensions is missing, expected an object',
    ],
    [new URL('https://example.com/'), expect.stringContaining('https') as unknown as string],
  ])('may not be %o', async (target, message) => {
    const error = await connect(target as ConnectTarget).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ message });
  });

  it('leads to the server in each form, also one that knows no types', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nbdjs-targets-'));
    const path = join(folder, 'socket');
    const exports = { a: createMemoryDevice({ size: 4096 }), b: createMemoryDevice({ size: 8192 }) };
    const tcp = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports });
    const unix = await serve({ type: 'unix', path }, { listen, exports });
    const { host, port } = tcp.address;
    for (const target of [{ host, port, exportName: 'b' }, { path, exportName: 'b' }, new URL(`${tcp.uri}/b`)]) {
      const client = await connect(target, { delivery: 'inline' });
      expect(client.geometry.size).toBe(8192n);
      await client.close();
    }
    await Promise.all([tcp.close(), unix.close()]);
    rmSync(folder, { recursive: true });
  });
});

describe('options of connect', () => {
  it.each<[unknown, string]>([
    [null, 'connect: options are null, expected an object'],
    [{ reconectDelayMs: 5 }, "connect: unknown option 'reconectDelayMs' (did you mean 'reconnectDelayMs'?)"],
    [{ connections: 0 }, 'connect: connections is 0, expected a whole number from 1 on'],
    [{ reconnectDelayMs: -1 }, 'connect: reconnectDelayMs is -1, expected a number of milliseconds from 0 on'],
    [{ reconnectDelayMs: '5' }, "connect: reconnectDelayMs is '5', expected a number of milliseconds from 0 on"],
    [{ requestTimeoutMs: Number.NaN }, 'connect: requestTimeoutMs is NaN, expected a number of milliseconds from 0 on'],
    [{ delivery: 'foo' }, "connect: delivery is 'foo', expected 'inline' or 'thread' or 'handed-over' or 'kept'"],
    [{ mode: 'x' }, "connect: mode is 'x', expected 'simple' or 'structured' or 'extended'"],
    [{ exportName: 5 }, 'connect: exportName is 5, expected a string'],
    [{ contexts: 'base:allocation' }, "connect: contexts is 'base:allocation', expected an array of strings"],
    [{ workerUrl: '/worker.mjs' }, "connect: workerUrl is '/worker.mjs', expected a URL object"],
    [{ signal: 5 }, 'connect: signal is 5, expected an AbortSignal'],
    [{ signal: { aborted: false } }, 'connect: signal is an object, expected an AbortSignal'],
    [{ workerUrl: { href: 5 } }, 'connect: workerUrl is an object, expected a URL object'],
    [{ tls: true }, 'connect: tls is true, expected an object'],
    [{ tls: [] }, 'connect: tls is an array, expected an object'],
    [{ tls: { psk: {} } }, 'tls.psk: there is no key in it, expected { user, key } or { file }'],
    [{ tls: { psk: { user: 5 } } }, 'tls.psk: user is 5, expected a string'],
    [{ tls: { certificates: { ca: 5 } } }, 'tls.certificates: ca is 5, expected a string'],
    [{ limits: { listEntryMax: 5 } }, "connect: limits: unknown option 'listEntryMax'"],
    [{ limits: { replyChunksMax: '5' } }, "connect: limits: replyChunksMax is '5', expected a whole number from 1 on"],
    [{ tls: { verifypeer: false } }, "connect: tls: unknown option 'verifypeer' (did you mean 'verifyPeer'?)"],
    [{ tls: { mode: 'maybe' } }, "connect: tls: mode is 'maybe', expected 'off' or 'allow' or 'require'"],
    [{ journal: { whenFull: 'x' } }, "connect: journal: whenFull is 'x', expected 'give-up' or 'flush'"],
    [{ strict: { bound: false } }, "connect: strict: unknown option 'bound' (did you mean 'bounds'?)"],
  ])('may not be %o', async (options, message) => {
    const error = await connect(nowhere, options as ConnectOptions).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect(error).toMatchObject({ code: 'ERR_NBD_ARGUMENT', message });
  });

  it('are checked for connectors of the caller, too', async () => {
    const connector = { establish: () => Promise.reject(new Error('asked')), retry() {}, release() {} };
    await expect(openClient(connector, { connections: 0 })).rejects.toThrow('openClient: connections is 0');
    const limits = { listEntriesMax: 5 } as object;
    await expect(openClient(connector, { limits })).rejects.toThrow(
      "openClient: limits: unknown option 'listEntriesMax'",
    );
    await expect(openClient(connector, { silenceMs: 5 })).rejects.toThrow('asked');
  });
});

function resolvable(): ConnectTarget {
  const address = { transport: 'tcp', host: 'h', port: 5 } as const;
  return { address, exportName: 'x', tlsRequired: false, tls: {}, extensions: {} };
}
