/** A server that is reached by an opener, which may be of any quality: its time is limited, and its errors get a class. */
import {
  type ByteChannel,
  type ChannelOpener,
  ConnectError,
  NbdError,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import { describeValue, toError } from '@nbdjs/kit';
import { quoted } from '@nbdjs/protocol';
import { named } from '../negotiation/named-error.ts';
import type { ServerSource, SourceConnectOptions } from './server-source.ts';

/** The check of an option, or of an argument, that is an opener. */
export const openerCheck = {
  expected: 'an opener of channels (an object with a function open)',
  holds: (value: unknown) => isOpener(value),
};

/** Returns whether a value is an opener. A channel has a function `open` as well, but it has `send`, too. */
export function isOpener(value: unknown): value is ChannelOpener {
  return has(value, 'open') && !has(value, 'send');
}

/** The name of a server that is reached by an opener, with that of the export, if it is given. */
export function nameOfOpener({ name = 'NBD' }: ChannelOpener, exportName = ''): string {
  return exportName === '' ? name : `${name}, export ${quoted(exportName)}`;
}

export function openerSource(opener: ChannelOpener, name: string): ServerSource {
  return { name, isSingle: false, connect: (options) => openChannel(opener, name, options) };
}

/** Opens one channel. One that comes too late is closed. */
function openChannel(opener: ChannelOpener, name: string, options: SourceConnectOptions): Promise<ByteChannel> {
  const { signal, connectTimeoutMs, clock } = options;
  const controller = new AbortController();
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const fail = (reason: unknown) => {
      stopWaiting();
      controller.abort(reason);
      reject(reason);
    };
    const onAbort = () => fail(signal?.reason);
    const stopWaiting = () => {
      cancelTimeout();
      signal?.removeEventListener('abort', onAbort);
    };
    const cancelTimeout = clock.schedule(connectTimeoutMs, () => {
      fail(new TimeoutError('connect', `cannot connect to ${name}: it was not opened within ${connectTimeoutMs} ms`));
    });
    signal?.addEventListener('abort', onAbort, { once: true });
    openedBy(opener, controller.signal).then(
      (channel) => {
        if (controller.signal.aborted) {
          closeLate(channel);
          return;
        }
        stopWaiting();
        if (isChannel(channel)) resolve(channel);
        else reject(noChannel(channel, name));
      },
      (reason: unknown) => {
        if (!controller.signal.aborted) fail(openingError(reason, name));
      },
    );
  });
}

/** An `open` that throws rejects, like one that returns a promise. */
async function openedBy(opener: ChannelOpener, signal: AbortSignal): Promise<unknown> {
  return await opener.open({ signal });
}

function isChannel(value: unknown): value is ByteChannel {
  return has(value, 'open') && has(value, 'send') && has(value, 'destroy');
}

/** Returns whether a value has a method of this name. */
function has(value: unknown, method: string): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as Record<string, unknown>)[method] === 'function'
  );
}

function closeLate(value: unknown): void {
  if (isChannel(value)) value.destroy();
}

function noChannel(value: unknown, name: string): UsageError {
  const message = `${name}: its opener returned ${describeValue(value)}, expected a ByteChannel (open, send, destroy, ...)`;
  return new UsageError('ERR_NBD_ARGUMENT', message);
}

function openingError(reason: unknown, name: string): Error {
  const error = toError(reason);
  if (error instanceof NbdError) return named(error, name);
  const [firstLine = ''] = error.message.split('\n');
  const message = `cannot connect to ${name}: ${firstLine === '' ? error.name : firstLine}`;
  return new ConnectError('ERR_NBD_CONNECT', message, { cause: error });
}
