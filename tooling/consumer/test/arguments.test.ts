/** What callers without a compiler get wrong, at every door: an error that says so, and nothing that is ignored. */
import { openClient } from '@nbdjs/client';
import { createConnector, openNegotiation } from '@nbdjs/connection';
import { compareDevices, copyDevice, copyFromStream, copyToStream } from '@nbdjs/copy';
import { createServer, serve } from '@nbdjs/server';
import { createMemoryDevice, openFileDevice, UsageError } from '@nbdjs/storage';
import { listen, serverTls } from '@nbdjs/transport';
import { expect, it } from 'vitest';

const device = createMemoryDevice({ size: 4096 });
const endpoint = { type: 'unix', path: '/nowhere/socket' } as const;

/** As if there were no types. */
type Loose = (...given: readonly unknown[]) => unknown;

it.each<[string, unknown, readonly unknown[], string]>([
  ['server', createServer, [], 'createServer: exports is missing, expected a table of devices or a provider'],
  ['server', createServer, [{ exports: 5 }], 'createServer: exports is 5, expected a table of devices or a provider'],
  [
    'server',
    createServer,
    [{ exports: { a: 'x' } }],
    "createServer: export 'a' is 'x', expected a device (geometry, abilities, read, ...)",
  ],
  [
    'server',
    createServer,
    [{ exports: { a: {} } }],
    "createServer: export 'a' is an object, expected a device (geometry, abilities, read, ...)",
  ],
  [
    'server',
    createServer,
    [{ exports: { a: device }, limit: {} }],
    "createServer: unknown option 'limit' (did you mean 'limits'?)",
  ],
  [
    'server',
    createServer,
    [{ exports: { a: device }, mode: 'x' }],
    "createServer: mode is 'x', expected 'simple' or 'structured' or 'extended'",
  ],
  ['server', serverTls, [{ certificates: { folder: 5 } }], 'tls.certificates: folder is 5, expected a string'],
  ['server', serverTls, [{ psk: {} }], 'tls.psk: there is no key in it, expected { file }, { keys } or { find }'],
  [
    'server',
    createServer,
    [{ exports: { a: { device, readonly: true } } }],
    "createServer: export 'a': unknown option 'readonly' (did you mean 'readOnly'?)",
  ],
  [
    'server',
    createServer,
    [{ exports: { a: { device, description: 5 } } }],
    "createServer: export 'a': description is 5, expected a string",
  ],
  [
    'server',
    createServer,
    [{ exports: { a: device }, tls: { certificates: { folder: '/etc/pki/nbd' } } }],
    'createServer: tls is an object, expected what serverTls of @nbdjs/transport makes of settings',
  ],
  ['server', createServer, [{ exports: { a: device }, access: { allowed: [] } }], "access: unknown option 'allowed'"],
  [
    'server',
    createServer,
    [{ exports: { a: device }, access: { allow: [5] } }],
    'access: allow is an array, expected an array of strings',
  ],
  [
    'connector',
    createConnector,
    [{ endpoint, handshake: { exportName: 5 } }],
    'createConnector: handshake: exportName is 5, expected a string',
  ],
  [
    'negotiation',
    openNegotiation,
    [undefined],
    'the endpoint is undefined, expected an object whose type is one of tcp, unix, vsock, command, descriptor',
  ],
  ['client', openClient, [{}], 'openClient: the connector is an object, expected one (establish, retry, release)'],
  [
    'place to listen at',
    serve,
    [undefined, { listen, exports: { a: device } }],
    'the address to listen at is undefined, expected an object whose type is one of tcp, unix, descriptor',
  ],
  [
    'place to listen at',
    serve,
    [{ type: 'unix' }, { listen, exports: { a: device } }],
    'the address to listen at: path is missing, expected a string',
  ],
  [
    'place to listen at',
    serve,
    [
      { type: 'tcp', host: 5, port: 0 },
      { listen, exports: { a: device } },
    ],
    'the address to listen at: host is 5, expected a string',
  ],
  [
    'connector',
    createConnector,
    [{ endpoint: { type: 'x' } }],
    "the endpoint is of type 'x', expected an object whose type is one of tcp, unix, vsock, command, descriptor",
  ],
  [
    'connector',
    createConnector,
    [{ endpoint: { type: 'command', command: 'qemu-nbd', mode: 'socket-pair' } }],
    "the endpoint: command is 'qemu-nbd', expected an array of a program and its arguments",
  ],
  ['connector', createConnector, [], 'createConnector: endpoint is missing, expected an object'],
  [
    'connector',
    createConnector,
    [{ endpoint, delivery: 'foo' }],
    "createConnector: delivery is 'foo', expected 'inline' or 'thread' or 'handed-over' or 'kept'",
  ],
  [
    'connector',
    createConnector,
    [{ endpoint, openTimeoutMs: Number.NaN }],
    'createConnector: openTimeoutMs is NaN, expected a number of milliseconds from 0 on',
  ],
  ['file', openFileDevice, [5], 'openFileDevice: the path is 5, expected a string without NUL'],
  [
    'file',
    openFileDevice,
    ['/nowhere/disk.img', { readonly: true }],
    "openFileDevice: unknown option 'readonly' (did you mean 'readOnly'?)",
  ],
  [
    'file',
    openFileDevice,
    ['/nowhere/disk.img', { size: '1G' }],
    "openFileDevice: size is '1G', expected a whole number of bytes from 0 on, as a number or a bigint",
  ],
  [
    'memory',
    createMemoryDevice,
    [],
    'createMemoryDevice: size is missing, expected a whole number of bytes, as a number or a bigint',
  ],
  [
    'memory',
    createMemoryDevice,
    [{ size: 1.5 }],
    'createMemoryDevice: size is 1.5, expected a whole number of bytes, as a number or a bigint',
  ],
  [
    'file',
    openFileDevice,
    ['/nowhere/\0'],
    'openFileDevice: the path is "/nowhere/\\u0000", expected a string without NUL',
  ],
  ['copy', copyDevice, [], 'copy: the source is undefined, expected a device (geometry, abilities, read, ...)'],
  [
    'copy',
    copyDevice,
    [device, []],
    'copy: the target is an array, expected a device (geometry, abilities, read, ...)',
  ],
  ['copy', copyFromStream, [5, device], 'copy: the source is not an async iterable of Uint8Array'],
  ['copy', copyToStream, [device, 5], 'copy: the sink is not a function that takes chunks'],
  [
    'comparison',
    compareDevices,
    [device, {}],
    'compare: the target is an object, expected a device (geometry, abilities, read, ...)',
  ],
  ['copy', copyDevice, [device, device, { request: 5 }], "copy: unknown option 'request' (did you mean 'requests'?)"],
  ['copy', copyDevice, [device, device, { flush: 1 }], 'copy: flush is 1, expected true or false'],
  ['comparison', compareDevices, [device, device, { signal: 5 }], 'compare: signal is 5, expected an AbortSignal'],
])('refuses: %s, case %#', async (_, call, given, message) => {
  let error: unknown;
  try {
    await (call as Loose)(...given);
  } catch (reason) {
    error = reason;
  }
  expect(error).toBeInstanceOf(UsageError);
  expect(error).toMatchObject({ code: 'ERR_NBD_ARGUMENT', message });
});
