/** The device that a page offers, for as many clients as come. */
import { connect, type NbdClient } from '@nbdjs/client';
import { NegotiationError } from '@nbdjs/interfaces';
import type { Export, ExportProvider } from '@nbdjs/server';
import type { IncomingChannels } from '@nbdjs/websocket/node';
import { oneLine } from '../../errors/one-line.ts';
import type { RelayOptions } from './command.ts';

export class OfferedDevice implements ExportProvider {
  readonly #pages: IncomingChannels;
  readonly #options: RelayOptions;
  readonly #note: (line: string) => void;
  readonly #stop = new AbortController();
  /** The connection to the page, with all that come after it, until the page offers something else. */
  #client: NbdClient | undefined;
  #opening: Promise<NbdClient> | undefined;

  constructor(pages: IncomingChannels, options: RelayOptions, note: (line: string) => void) {
    this.#pages = pages;
    this.#options = options;
    this.#note = note;
  }

  async open(name: string): Promise<Export | undefined> {
    const { exportName = '', readOnly } = this.#options;
    if (name !== exportName) return undefined;
    return { device: await this.#connected(), ...(readOnly === true ? { readOnly } : {}) };
  }

  list() {
    return [{ name: this.#options.exportName ?? '', description: '' }];
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the relay ends'));
    await this.#opening?.catch(() => {});
    await this.#client?.close().catch(() => {});
  }

  #connected(): Promise<NbdClient> {
    if (this.#client !== undefined && this.#client.state !== 'closed') return Promise.resolve(this.#client);
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #connect(): Promise<NbdClient> {
    const waitMs = this.#options.wait * 1000;
    const target = {
      name: this.#pages.name,
      exportName: this.#options.exportName ?? '',
      open: (how: { readonly signal: AbortSignal }) => this.#pages.open(how),
    };
    try {
      const client = await connect(target, {
        connectTimeoutMs: waitMs,
        reconnectDelayMs: waitMs,
        allContexts: true,
        signal: this.#stop.signal,
        onEvent: (event) => {
          if (event.type === 'lost') this.#note(`the page is gone; requests wait for it for ${waitMs / 1000} s`);
          if (event.type === 'waited-in-vain') this.#note('no page has come; requests fail until one is there');
          if (event.type === 'restored') this.#note('the page is there again');
        },
      });
      this.#client = client;
      void client.closed.then((error) => {
        if (error !== undefined && !this.#stop.signal.aborted) this.#note(oneLine(error));
      });
      return client;
    } catch (cause) {
      const why = this.#pages.isConnected ? oneLine(cause) : `no page has come for ${waitMs / 1000} s`;
      throw new NegotiationError('ERR_NBD_POLICY', why, { cause });
    }
  }
}
