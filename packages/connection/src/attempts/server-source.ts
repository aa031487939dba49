/** A server as attempts see it. */
import type { ByteChannel, Clock } from '@nbdjs/interfaces';

/** What bounds one attempt to connect. */
export interface SourceConnectOptions {
  readonly signal?: AbortSignal | undefined;
  /** Until the channel is connected, in milliseconds. */
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

export interface ServerSource {
  /** The name of the server in messages. */
  readonly name: string;
  /** Whether there is one channel only, so that a second attempt cannot succeed. */
  readonly isSingle: boolean;
  /** Gives a channel that is connected. It belongs to the caller. */
  connect(options: SourceConnectOptions): Promise<ByteChannel>;
}
