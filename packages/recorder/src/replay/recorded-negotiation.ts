/** What a recording says about how one of its connections was negotiated. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { HeaderBytes } from '@nbdjs/protocol';
import type { TracedMessage } from '../trace/traced-message.ts';

/** What to ask a server for, so that the same requests can be sent. */
export interface ReplayWish {
  /** The name of the export in the recording; empty for the default one. */
  readonly exportName: string;
  /** The kind of replies. */
  readonly mode: HeaderMode;
  /** The names of the metadata contexts. */
  readonly contexts: readonly string[];
}

const contextsMax = 64;

/** Follows the negotiation of a recorded connection. */
export class RecordedNegotiation {
  #exportName = '';
  #mode: HeaderMode | undefined;
  #contexts: string[] = [];

  /** Takes the next message, of a handshake or the first request. */
  take({ message, frame }: TracedMessage): void {
    const { kind, name, answers, exportName, context } = message;
    if (kind === 'option' && exportName !== undefined) this.#exportName = exportName;
    if (kind === 'option' && name === 'SET_META_CONTEXT') this.#contexts = [];
    if (kind === 'client-flags') this.#mode = 'simple';
    if (kind === 'option-reply') {
      if (name === 'ACK' && answers === 'EXTENDED_HEADERS') this.#mode = 'extended';
      if (name === 'ACK' && answers === 'STRUCTURED_REPLY' && this.#mode !== 'extended') this.#mode = 'structured';
      const isSelected = answers === 'SET_META_CONTEXT' && context !== undefined;
      if (isSelected && this.#contexts.length < contextsMax) this.#contexts.push(context);
    }
    // Where the handshake is not in the recording, the header of the request shows it.
    if (kind === 'request' && frame.wire.length >= HeaderBytes.ExtendedRequest) this.#mode = 'extended';
  }

  get wish(): ReplayWish {
    if (this.#mode !== undefined) return { exportName: this.#exportName, mode: this.#mode, contexts: this.#contexts };
    return { exportName: '', mode: 'structured', contexts: ['base:allocation'] };
  }
}
