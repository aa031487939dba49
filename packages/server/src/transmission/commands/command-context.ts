/** What the commands of one client work with; made once per connection. */
import type { BlockDevice, HeaderMode, SelectedContext } from '@nbdjs/interfaces';
import type { Holder } from '@nbdjs/kit';
import type { BufferPool } from '../../admission/buffer-pool.ts';
import type { DeviceUsers } from '../../device-users.ts';
import type { Statistics } from '../../statistics/statistics.ts';
import type { ReplyWriter } from '../reply-writer.ts';
import type { RequestValidator } from '../request-validator.ts';

export interface CommandContext {
  readonly device: BlockDevice;
  /** Flushes for this client, and knows what the device has lost since. */
  readonly holder: Holder;
  readonly users: DeviceUsers;
  /** The metadata contexts that the client has selected. */
  readonly contexts: readonly SelectedContext[];
  readonly mode: HeaderMode;
  readonly validator: RequestValidator;
  readonly writer: ReplyWriter;
  readonly buffers: BufferPool;
  readonly statistics: Statistics;
  /** The longest answer about block status, of all contexts, in bytes. */
  readonly statusBytesMax: number;
}
