/** `nbd serve --threads`: whether the sessions of clients run in threads, and in how many. */
import { availableParallelism } from 'node:os';
import { canUseThreads, type ThreadOptions } from '@nbdjs/server';
import { createSharedMemory, type SharedMemory, sharedMemoryBytesMax } from '@nbdjs/storage';
import { detachDescriptor } from '@nbdjs/transport';
import { argumentError } from '../../errors/argument-error.ts';
import { formatOfName, isCompression } from '../../images/formats.ts';
import { moduleBeside } from '../../thread-module.ts';
import type { ServeOptions } from './command.ts';
import { memorySizeOf, type Source } from './source.ts';

/** What each thread is given. */
export interface ThreadData {
  readonly options: ServeOptions;
  readonly sources: readonly Source[];
  /** For each source: the memory that it is, which all threads share. */
  readonly memories: readonly (SharedMemory | undefined)[];
}

/**
 * Returns how many threads the sessions of clients run in; `undefined`: in this one.
 *
 * @throws UsageError when threads are asked for and not possible, naming why.
 */
export function threadCountOf(options: ServeOptions, sources: readonly Source[]): number | undefined {
  const { threads = 1 } = options;
  if (threads === 1) return undefined;
  const obstacle = obstacleOf(options, sources);
  if (threads === 'auto') return obstacle === undefined ? automaticCount() : undefined;
  if (obstacle !== undefined) throw argumentError(`--threads ${threads}: ${obstacle}`);
  return threads;
}

/** Makes the options of a server with threads. @throws UsageError when the system does not reserve the memory that is to be served. */
export function threadOptions(count: number, options: ServeOptions, sources: readonly Source[]): ThreadOptions {
  const memories = sources.map((source) => {
    const size = memorySizeOf(source);
    return size === undefined ? undefined : createSharedMemory({ size });
  });
  const data: ThreadData = { options, sources, memories };
  return { module: moduleBeside(import.meta.url, 'serve-thread'), count, data, detach: detachDescriptor };
}

/** With one processor, threads would only take turns. More than 8 were never measured. */
function automaticCount(): number | undefined {
  const count = Math.min(8, availableParallelism());
  return count > 1 ? count : undefined;
}

/** Returns why the sessions cannot run in threads, in words. */
function obstacleOf(options: ServeOptions, sources: readonly Source[]): string | undefined {
  const { stdio, snapshot, web, connectTo, readOnly, format, resizable } = options;
  if (stdio === true) return '--stdio serves one client, which one thread does best';
  if (web !== undefined || connectTo !== undefined) return 'connections of HTTP belong to one thread';
  if (snapshot === true) return '--snapshot keeps what clients write in the memory of one thread';
  if (resizable === true) return '--resizable changes the size that one thread knows';
  for (const source of sources) {
    const { word, operand } = source;
    if (operand.type === 'disk') return `${word}: a disk in a store has one writer, in one thread`;
    if (operand.type !== 'file') return `${word}: the connection to another server belongs to one thread`;
    if (isCompression(formatOfName(operand.path) ?? 'raw')) {
      return `${word}: each thread would decompress it for itself`;
    }
    if (readOnly !== true && (format ?? formatOfName(operand.path)) === 'qcow2') {
      return `${word}: a qcow2 image that is written to belongs to one thread (--read-only)`;
    }
    const size = memorySizeOf(source);
    if (size !== undefined && size > sharedMemoryBytesMax) return `${word}: threads share 64 GiB of memory at most`;
  }
  return canUseThreads()
    ? undefined
    : 'sockets cannot be handed over to threads here, descriptors cannot be duplicated';
}
