/** RESIZE, of the specification's resize extension. */
import { type Abortable, CommandError, type DeviceResizing, type Offset } from '@nbdjs/interfaces';
import { Semaphore } from '@nbdjs/kit';
import { Command } from '@nbdjs/protocol';
import type { Dispatcher } from '../dispatcher.ts';
import type { Checks } from '../export/checks.ts';
import { requestOf } from './request.ts';

/** The device whose size changes. */
export interface Sized {
  /** The checks of the present size. @throws when the device is closed. */
  checks(): Checks;
  /** Calls from now on are about this size, in bytes. */
  sized(size: bigint): void;
}

export class Resizer implements DeviceResizing {
  readonly #dispatcher: Dispatcher;
  readonly #device: Sized;
  /** One after the other: the server would answer in any order. */
  readonly #turn = new Semaphore(1);

  constructor(dispatcher: Dispatcher, device: Sized) {
    this.#dispatcher = dispatcher;
    this.#device = device;
  }

  async resize(size: Offset, { signal }: Abortable = {}): Promise<void> {
    const next = this.#device.checks().newSize(size);
    await this.#dispatcher.shutdown.during(() => this.#turn.run(() => this.#resize(next, signal)));
  }

  async #resize(next: bigint, signal: AbortSignal | undefined): Promise<void> {
    const { geometry, abilities } = this.#device.checks();
    const before = geometry.size;
    try {
      if (next < before) await this.#vacate(next, before, abilities.flush, signal);
      this.#dispatcher.reconnector.expectSizes(before, next);
      await this.#dispatcher.submit(requestOf(Command.Resize, 0, next, 0n, undefined, signal));
    } catch (error) {
      // Without an answer, the server may have carried it out.
      if (error instanceof CommandError) this.#dispatcher.reconnector.expectSizes(before);
      this.#device.sized(before);
      throw error;
    }
    this.#dispatcher.reconnector.expectSizes(next);
    this.#device.sized(next);
  }

  /** R3: nothing is under way in the area that goes, and nothing is sent there any more, not even a replay. */
  async #vacate(start: bigint, end: bigint, canFlush: boolean, signal: AbortSignal | undefined): Promise<void> {
    this.#device.sized(start);
    await this.#dispatcher.quiet(start, end, 'all');
    if (canFlush) await this.#dispatcher.flush(signal);
  }
}
