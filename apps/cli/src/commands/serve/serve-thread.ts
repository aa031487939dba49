/** A thread of `nbd serve --threads`: opens the files for itself, shares the memory, and serves clients that the main thread sends. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { serveThread } from '@nbdjs/server';
import { createSharedMemoryDevice } from '@nbdjs/storage';
import { adoptDescriptor, serverTls } from '@nbdjs/transport';
import { openExports } from './exports.ts';
import { openFile, openFileSource, withLayers } from './open-source.ts';
import type { ThreadData } from './threads.ts';
import { serverTlsSettings } from './tls.ts';

/** The main thread has opened the files, too, and has said what there is to say. */
const quietly = { openFile, note: () => {}, warn: () => {}, isStoreless: true } as const;

serveThread<ThreadData>({
  adopt: adoptDescriptor,
  async open({ options, sources, memories }) {
    const tls = serverTlsSettings(options);
    const devices: BlockDevice[] = [];
    const exports = await openExports(
      sources,
      options,
      async (operand) => {
        const readOnly = options.readOnly === true;
        const memory = memories[sources.findIndex((source) => source.operand === operand)];
        if (memory !== undefined) return withLayers(createSharedMemoryDevice({ memory, readOnly }), options);
        // The main thread has checked that all others are files.
        if (operand.type !== 'file') throw new Error(`a thread cannot serve a source of type '${operand.type}'`);
        return withLayers(await openFileSource(operand.path, options, quietly), options);
      },
      (device) => void devices.push(device),
    );
    return {
      exports,
      // Each thread has descriptors of its own, but the files and the memory are the same.
      sharesStorage: true,
      ...(tls === undefined ? {} : { tls: serverTls(tls) }),
      close: async () => {
        await Promise.all(devices.map((device) => device.close()));
      },
    };
  },
});
