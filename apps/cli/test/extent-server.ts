/** A server whose block map is what a test wants, of any length. */
import type { BlockDevice, Extent } from '@nbdjs/interfaces';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

/** Length of each extent, in bytes. */
export const extentBytes = 4096n;

/** A server that is running. */
export interface ExtentServer {
  readonly uri: string;
  close(): Promise<void>;
}

/** Serves so many extents of 4 KiB, with statuses by their number, on a Unix socket at `path`. */
export async function serveExtents(
  path: string,
  count: number,
  statusOf: (index: number) => bigint,
  contexts: readonly string[] = ['base:allocation'],
): Promise<ExtentServer> {
  const memory = createMemoryDevice({ size: BigInt(count) * extentBytes });
  const refuse = (): never => {
    throw new Error('this device is for looking at');
  };
  const device: BlockDevice = {
    geometry: memory.geometry,
    abilities: { ...memory.abilities, readOnly: true, contexts },
    read: (_, target) => void target.fill(0),
    write: refuse,
    flush: refuse,
    trim: refuse,
    writeZeroes: refuse,
    cache: refuse,
    close: async () => {},
    blockStatus(offset: bigint | number, length: bigint | number) {
      const first = Number(BigInt(offset) / extentBytes);
      const extents: Extent[] = [];
      const last = Math.min(count, first + Number((BigInt(length) + extentBytes - 1n) / extentBytes), first + 131_072);
      for (let index = first; index < last; index++) {
        extents.push({ offset: BigInt(index) * extentBytes, length: extentBytes, status: statusOf(index) });
      }
      return contexts.map((context) => ({ context, extents }));
    },
  };
  const server = createServer({ exports: { '': device } });
  const listener = await listen({ type: 'unix', path }, (channel) => void server.accept(channel));
  const close = async (): Promise<void> => {
    await listener.close();
    await server.close();
  };
  return { uri: `nbd+unix:///?socket=${path}`, close };
}
