/** What packages with channels of their own publish about each of them. */
import type { ByteChannel, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { eventField } from './event-field.ts';

/** The peer, as a field of events. */
export const peerField = eventField.object<PeerDescription>('PeerDescription', 'What is at the other end.');

/** The event `closed`. */
export const channelClosed = {
  doc: 'A channel that was open is closed.',
  fields: {
    /** What is at the other end. */
    peer: peerField,
    /** What has ended it. */
    by: eventField.oneOf(['us', 'peer', 'error'], 'What has ended it.'),
    /** Why, where there was an error. */
    error: eventField.optional(eventField.error('Why, where there was an error.')),
  },
} as const;

/** The trace of a package that has the events `connected` and `closed`. */
export interface ChannelTrace {
  /** Whether there are listeners. */
  readonly enabled: boolean;
  /** Publishes that a channel is open. */
  emit(event: 'connected', fields: { readonly peer: PeerDescription }): void;
  /** Publishes that it is closed. */
  emit(
    event: 'closed',
    fields: { readonly peer: PeerDescription; readonly by: CloseReason['by']; readonly error?: Error },
  ): void;
}

/** Publishes that the channel is open and, later, that it is closed. Returns the channel. */
export function announceChannel<Channel extends ByteChannel>(trace: ChannelTrace, channel: Channel): Channel {
  const { peer } = channel;
  if (trace.enabled) trace.emit('connected', { peer });
  void channel.closed.then((reason) => {
    if (!trace.enabled) return;
    const error = 'cause' in reason ? reason.cause : undefined;
    trace.emit('closed', { peer, by: reason.by, ...(error === undefined ? {} : { error }) });
  });
  return channel;
}
