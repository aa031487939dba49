/** A thread of `nbd serve --threads`: opens the files for itself, and serves clients that the main thread sends. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { serveThread } from '@nbdjs/server';
import { adoptDescriptor, serverTls } from '@nbdjs/transport';
import { openExports } from './exports.ts';
import { openFile, withLayers } from './open-source.ts';
import type { ThreadData } from './threads.ts';
import { serverTlsSettings } from './tls.ts';

serveThread<ThreadData>({
  adopt: adoptDescriptor,
  async open({ options, sources }) {
    const tls = serverTlsSettings(options);
    const devices: BlockDevice[] = [];
    const exports = await openExports(
      sources,
      options,
      async (operand) => {
        // The main thread has checked that there are only files.
        if (operand.type !== 'file') throw new Error(`a thread cannot serve a source of type '${operand.type}'`);
        return withLayers(await openFile(operand.path, options.readOnly === true), options);
      },
      (device) => void devices.push(device),
    );
    return {
      exports,
      // Each thread has descriptors of its own, but the files are the same.
      sharesStorage: true,
      ...(tls === undefined ? {} : { tls: serverTls(tls) }),
      close: async () => {
        await Promise.all(devices.map((device) => device.close()));
      },
    };
  },
});
