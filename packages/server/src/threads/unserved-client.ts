/** A client that no thread can take: its connection is closed at once. */
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import type { ServedClient } from '../admission/acceptor.ts';
import { emptyStatistics } from '../statistics/statistics.ts';

export class UnservedClient implements ServedClient {
  readonly peer: PeerDescription;
  readonly statistics = emptyStatistics();
  readonly facts = undefined;
  readonly isNegotiated = false;
  readonly isAtRest = true;
  readonly requestCount = 0;
  readonly gone: Promise<void>;

  constructor(channel: ByteChannel) {
    this.peer = channel.peer;
    channel.destroy();
    this.gone = channel.closed.then(() => {});
  }

  standstillMs(): number {
    return 0;
  }

  cutOff(): void {}

  shutDown(): void {}

  destroy(): void {}
}
