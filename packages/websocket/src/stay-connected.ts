/** Serving a client that we connect to, as long as it likes: a page that offers a file, a machine that gets a virtual medium. */
import { type ByteChannel, type ChannelOpener, type Clock, ConnectError, UsageError } from '@nbdjs/interfaces';
import { defineOptions, GrowingDelay, type OptionsOf, option, toError, wait } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';

/** What happens to the connection. */
export type StayEvent =
  /** A channel is open. */
  | { readonly type: 'connected' }
  /** It has failed; another attempt follows. */
  | { readonly type: 'lost'; readonly error: Error; readonly delayMs: number }
  /** An attempt has failed; another one follows. */
  | { readonly type: 'failed'; readonly error: Error; readonly delayMs: number };

/** The options of `stayConnected` as data. */
export const stayConnectedOptions = defineOptions({
  /** Ends it: the channel is destroyed, and the promise is fulfilled. */
  signal: option.signal({ doc: 'Ends it: the channel is destroyed, and the promise is fulfilled.' }),
  /** Called with what happens to the connection. */
  onEvent: option.callback<(event: StayEvent) => void>({ doc: 'Called with what happens to the connection.' }),
  /** Milliseconds until the first further attempt; each one after it waits twice as long. @default 1000 */
  firstDelayMs: option.milliseconds({
    default: 1000,
    doc: 'Time until the first further attempt; each one after it waits twice as long.',
  }),
  /** Milliseconds that no delay exceeds by more than a fifth. @default 16000 */
  mostDelayMs: option.milliseconds({ default: 16_000, doc: 'No delay is longer than this by more than a fifth.' }),
  /** Whether the first attempt is repeated as well when it fails. @default false */
  retryFirst: option.boolean({
    default: false,
    doc: 'Whether the first attempt is repeated as well when it fails.',
  }),
  /** Time, for tests. @default `systemClock` of `@nbdjs/node` */
  clock: option.object<Clock>({
    default: systemClock,
    doc: 'Time, for tests.',
    defaultText: '`systemClock` of `@nbdjs/node`',
  }),
});

/** The options of `stayConnected`. */
export interface StayConnectedOptions extends OptionsOf<typeof stayConnectedOptions> {}

/**
 * Connects, gives the channel to `onChannel`, and connects again when it was lost. Each channel belongs to `onChannel`, such as
 * `(channel) => server.accept(channel)`.
 *
 * The promise is fulfilled when the other side, or `onChannel`, has ended a channel in good order: the client needs nothing any more (the
 * medium is ejected).
 *
 * @throws what the first attempt throws, unless `retryFirst`; and what would fail again in the same way: a ConnectError that is permanent,
 *   UsageError.
 */
export async function stayConnected(
  opener: ChannelOpener,
  onChannel: (channel: ByteChannel) => void,
  options: StayConnectedOptions = {},
): Promise<void> {
  const settings = stayConnectedOptions.resolve('stayConnected', options);
  const { clock, firstDelayMs, mostDelayMs, onEvent, retryFirst } = settings;
  // Without a signal of the caller, it is one that never aborts.
  const { signal = new AbortController().signal } = settings;
  const delay = new GrowingDelay({ firstMs: firstDelayMs, mostMs: mostDelayMs, jitter: Math.random });
  for (let mayFail = retryFirst; !signal.aborted; mayFail = true) {
    const outcome = await hold(opener, onChannel, signal, () => {
      delay.reset();
      onEvent?.({ type: 'connected' });
    });
    if (signal.aborted || outcome === undefined) return;
    if (outcome.type === 'failed' && (!mayFail || isPermanent(outcome.error))) throw outcome.error;
    const delayMs = delay.next();
    onEvent?.({ ...outcome, delayMs });
    await wait(clock, delayMs, { signal }).catch(() => {});
  }
}

type Outcome = { readonly type: 'lost' | 'failed'; readonly error: Error };

/** One attempt, and the life of its channel. Resolves to `undefined` when the channel has ended in good order. */
async function hold(
  opener: ChannelOpener,
  onChannel: (channel: ByteChannel) => void,
  signal: AbortSignal,
  onOpen: () => void,
): Promise<Outcome | undefined> {
  let channel: ByteChannel;
  try {
    channel = await opener.open({ signal });
  } catch (error) {
    return { type: 'failed', error: toError(error) };
  }
  const destroy = (): void => channel.destroy();
  signal.addEventListener('abort', destroy, { once: true });
  if (signal.aborted) destroy();
  try {
    onOpen();
    onChannel(channel);
    const reason = await channel.closed;
    const error = 'cause' in reason ? reason.cause : undefined;
    return error === undefined ? undefined : { type: 'lost', error };
  } catch (error) {
    // Whoever should have had the channel has thrown.
    channel.destroy(toError(error));
    throw error;
  } finally {
    signal.removeEventListener('abort', destroy);
  }
}

function isPermanent(error: Error): boolean {
  return error instanceof UsageError || (error instanceof ConnectError && error.permanent);
}
