/** The exports of a thread: like those of a server, without what is only right when all clients share one device. */
import { UsageError } from '@nbdjs/interfaces';
import type { Export, ExportProvider } from '../exports/export.ts';

/**
 * Announces several connections only where the devices of all threads are one storage, or the export says so.
 *
 * @throws UsageError from `open`, for an export whose clients may change the size: the other threads would not notice.
 */
export function threadProvider(provider: ExportProvider, sharesStorage: boolean): ExportProvider {
  const adapt = (name: string, one: Export | undefined): Export | undefined => {
    if (one === undefined) return undefined;
    requireFixedSize(name, one);
    return sharesStorage ? one : { ...one, multiConn: one.multiConn ?? false };
  };
  const { list } = provider;
  return {
    async open(name, client) {
      return adapt(name, await provider.open(name, client));
    },
    ...(list === undefined ? {} : { list: (client) => list.call(provider, client) }),
  };
}

/** @throws UsageError */
export function requireFixedSize(name: string, one: Export | object): void {
  if (!('resizable' in one) || one.resizable !== true) return;
  const why = 'the other threads would not notice its new size';
  throw new UsageError('ERR_NBD_ARGUMENT', `export '${name}' is resizable, which is not possible with threads: ${why}`);
}
