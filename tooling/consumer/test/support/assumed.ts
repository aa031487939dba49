/** What the READMEs' blocks take for granted, by README and the number of the block, and which of them cannot be run. */

interface Assumed {
  /** TypeScript that goes before the block. */
  readonly before?: string;
  /** Why it is only compiled. */
  readonly notRun?: string;
}

const certificates = 'needs certificates under /etc or beside it';

export const assumed: Readonly<Record<string, Assumed>> = {
  'client 3': { notRun: certificates },
  'client 4': { notRun: 'starts nbdkit' },
  'client 7': {
    before: `declare function open(): Promise<import('@nbdjs/client').ByteChannel>;
      declare function show(bytes: Uint8Array): void;`,
    notRun: 'needs a transport',
  },
  'connection 2': {
    before: `declare function connectByGateway(signal: AbortSignal): Promise<import('@nbdjs/connection').ByteChannel>;`,
  },
  'connection 4': {
    before: `declare const opener: import('@nbdjs/connection').ChannelOpener;`,
    notRun: 'needs an opener',
  },
  'connection 7': { notRun: certificates },
  'copy 3': {
    before: `declare const source: import('@nbdjs/copy').BlockDevice;
      declare const target: import('@nbdjs/copy').BlockDevice;`,
    notRun: 'needs a server with a dirty bitmap',
  },
  'copy 4': {
    before: `declare const source: import('@nbdjs/copy').BlockDevice;
      declare const copy: import('@nbdjs/copy').BlockDevice;
      declare const file: { write(chunk: Uint8Array): Promise<void> };`,
    notRun: 'needs a server with a dirty bitmap',
  },
  'copy 5': {
    before: `import { createMemoryDevice } from '@nbdjs/storage';
      const [source, target] = [createMemoryDevice({ size: 4096 }), createMemoryDevice({ size: 4096 })];`,
  },
  'docs/guides/tls 1': { notRun: certificates },
  'attach 2': { notRun: 'needs a kernel with its NBD module' },
  'examiner 2': { notRun: 'starts nbdcopy' },
  'fuse 2': { notRun: 'needs a server' },
  'images 2': { notRun: 'needs a qcow2 image' },
  'images 3': { notRun: 'needs an OVA' },
  'recorder 2': { notRun: 'needs a server' },
  'server 2': {
    before: `import type { BlockDevice } from '@nbdjs/server';
      interface Image { name: string; device: BlockDevice; release(): void }
      const images = { async find(_: string): Promise<Image | undefined> { return undefined; }, all: (): Image[] => [] };`,
  },
  'server 3': { before: `declare const device: import('@nbdjs/server').BlockDevice;`, notRun: certificates },
  'server 5': {
    before: `declare const device: import('@nbdjs/server').BlockDevice;
      declare const channel: import('@nbdjs/server').ByteChannel;`,
    notRun: 'needs a channel',
  },
  'server 6': {
    before: `declare function openDisk(path: string): Promise<import('@nbdjs/server').BlockDevice>;`,
    notRun: 'is the module of a thread',
  },
  'server 7': { notRun: 'starts threads of a module that is not there' },
  'storage 2': { notRun: 'needs the files of a browser' },
  'transport 2': {
    before: `import { spawn } from 'node:child_process';
      import { PassThrough } from 'node:stream';
      const sshChannel = new PassThrough();
      const child = spawn('cat');
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      setTimeout(() => child.kill());`,
  },
  'transport 3': {
    before: `declare const channel: import('@nbdjs/transport').ByteChannel;
      declare const accepted: import('@nbdjs/transport').ByteChannel;`,
    notRun: certificates,
  },
  'transport 4': {
    before: `import { MessageChannel } from 'node:worker_threads';
      import { connectTcp } from '@nbdjs/transport';
      const channel = await connectTcp({ host: 'storage.example', port: 10809 });
      const port = new MessageChannel().port1;
      setTimeout(() => process.exit(), 200);`,
  },
  'transport 6': {
    before: `declare const worker: { postMessage(message: unknown, transfer: unknown[]): void };`,
    notRun: 'needs a worker',
  },
  'websocket 1': { notRun: 'needs a server behind HTTPS' },
  'websocket 2': { notRun: 'needs a server behind HTTPS' },
  'websocket 3': { notRun: 'serves until it is stopped' },
  'websocket 4': { before: `declare const http: import('node:http').Server;`, notRun: 'waits for a page' },
  'websocket 5': { before: 'declare const file: Blob;', notRun: 'needs a page and a relay' },
};
