/** The server under examination. */
import type { ByteChannel, ChannelOpener } from '@nbdjs/interfaces';

/** What opens connections to a server, and how they go on in TLS. */
export interface ExaminedServer extends ChannelOpener {
  /** The export to examine. @default the server's default export */
  readonly exportName?: string | undefined;
  /**
   * Upgrades a channel to TLS after STARTTLS, such as `createTlsClient(...).upgrade` of `@nbdjs/transport`. The channel belongs to it.
   *
   * @default the server is examined in clear text
   */
  readonly startTls?: ((channel: ByteChannel) => Promise<ByteChannel>) | undefined;
}
