/**
 * A connection in memory that can be cut at any byte of either direction (both ends have what passed before, then the end), or has
 * a byte inverted.
 */
import type { ByteChannel, ByteSink } from '@nbdjs/interfaces';
import { createMemoryPair } from '@nbdjs/transport';

/** How many bytes pass before the cut. */
export interface Cut {
  readonly sent?: number | undefined;
  readonly received?: number | undefined;
  /** Places of bytes that arrive inverted. */
  readonly garbled?: { readonly sent?: number | undefined; readonly received?: number | undefined } | undefined;
}

export class SeveredWire {
  readonly client: ByteChannel;
  readonly server: ByteChannel;
  readonly #up: Relay;
  readonly #down: Relay;

  constructor({ sent = Number.POSITIVE_INFINITY, received = Number.POSITIVE_INFINITY, garbled = {} }: Cut = {}) {
    const unbounded = { capacityBytes: Number.POSITIVE_INFINITY };
    const [client, nearClient] = createMemoryPair(unbounded);
    const [server, nearServer] = createMemoryPair(unbounded);
    this.client = client;
    this.server = server;
    const cut = (): void => {
      nearClient.destroy();
      nearServer.destroy();
    };
    this.#up = new Relay(nearServer, sent, garbled.sent ?? -1, cut);
    this.#down = new Relay(nearClient, received, garbled.received ?? -1, cut);
    nearClient.open(this.#up);
    nearServer.open(this.#down);
  }

  /** What has passed in each direction. */
  get streams(): { readonly sent: Uint8Array; readonly received: Uint8Array } {
    return { sent: Buffer.concat(this.#up.pieces), received: Buffer.concat(this.#down.pieces) };
  }

  /** How many bytes that are. */
  get passed(): { readonly sent: number; readonly received: number } {
    return { sent: this.#up.passed, received: this.#down.passed };
  }
}

class Relay implements ByteSink {
  passed = 0;
  readonly pieces: Uint8Array[] = [];
  readonly #target: ByteChannel;
  readonly #limit: number;
  readonly #garbledAt: number;
  readonly #cut: () => void;
  readonly #memory = new Uint8Array(8 * 1024);

  constructor(target: ByteChannel, limit: number, garbledAt: number, cut: () => void) {
    this.#target = target;
    this.#limit = limit;
    this.#garbledAt = garbledAt;
    this.#cut = cut;
  }

  writable(): Uint8Array {
    return this.#memory;
  }

  advance(byteCount: number): void {
    const passing = Math.min(byteCount, this.#limit - this.passed);
    const piece = this.#memory.slice(0, passing);
    const place = this.#garbledAt - this.passed;
    if (place >= 0 && place < passing) piece[place] = 0xff ^ (piece[place] as number);
    this.passed += passing;
    this.pieces.push(piece);
    if (passing > 0) this.#target.send([piece]);
    if (this.passed >= this.#limit) this.#cut();
  }

  drained(): void {}

  ended(): void {
    this.#target.end();
  }
}
