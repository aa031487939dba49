/** A server that is measured. */
import type { NbdClient } from '@nbdjs/client';

export interface BenchedServer {
  readonly name: string;
  readonly client: NbdClient;
  readonly leave: AsyncDisposable;
}
