/** What all parts of the client's handshake share: the agreement so far, the queues, and how to leave. */
import { type HandshakeStyle, type HeaderMode, ProtocolError, type SelectedContext } from '@nbdjs/interfaces';
import { encodeOptionRequest, Option, type OptionRequest, options } from '@nbdjs/protocol';
import type { HandshakeEvent } from './events.ts';
import type { HandshakeSettings } from './options.ts';
import type { HandshakeState } from './states.ts';

/** The result of the last `SET_META_CONTEXT`. It counts only for the export that it was asked for (C36). */
export interface Selection {
  readonly exportName: string;
  readonly contexts: readonly SelectedContext[];
}

/**
 * How to leave when something goes wrong (C6): by `ABORT` while options are exchanged, by `DISC` once the server is in the
 * transmission phase, and without a message when the server would not understand one.
 */
export type Farewell = 'none' | 'abort' | 'disconnect';

export class Conversation {
  readonly settings: HandshakeSettings;
  readonly output: Uint8Array[] = [];
  readonly events: HandshakeEvent[] = [];
  state: HandshakeState = 'greeting';
  /** What the server has to do now, for messages: `the server closed the connection while ...`. */
  activity = 'sending its greeting';
  farewell: Farewell = 'none';
  /** The peer has begun like an NBD server. */
  isNbd = false;
  style: HandshakeStyle = 'oldstyle';
  mode: HeaderMode = 'simple';
  tls = false;
  noZeroes = false;
  selection: Selection | undefined;
  /** The option whose answer is awaited. */
  outstanding: number | undefined;
  /**
   * An option with data that the server has refused as unknown, until the server answers another one correctly. Some servers do not read
   * the data of such an option, and take it for the next option.
   */
  suspect: number | undefined;
  /** The export that was asked for last. */
  exportName = '';

  constructor(settings: HandshakeSettings) {
    this.settings = settings;
  }

  enter(state: HandshakeState, activity: string): void {
    this.state = state;
    this.activity = activity;
    if (this.settings.trace.enabled) this.settings.trace.emit('state', { state });
  }

  /** Whether an option is to be sent at all. */
  avoids(option: number): boolean {
    return this.settings.avoid.has(option);
  }

  /** Sends an option; its answer is awaited from now on. */
  ask(request: OptionRequest): void {
    const name = options.name(request.option);
    this.outstanding = request.option;
    this.output.push(encodeOptionRequest(request));
    if ('exportName' in request) this.exportName = request.exportName;
    this.enter(stateAfter[request.option] ?? 'option', `answering option ${name}`);
    if (this.settings.trace.enabled) this.settings.trace.emit('option', { option: name });
  }

  /** Resets what was agreed on in clear text, which an upgrade to TLS makes void (C25). */
  forget(): void {
    this.mode = 'simple';
    this.selection = undefined;
  }
}

/** Options whose answer is not one of the usual replies. */
const stateAfter: Readonly<Record<number, HandshakeState>> = {
  [Option.ExportName]: 'export-name',
  [Option.Abort]: 'aborting',
};

/** The error for a broken rule of the option phase. */
export function violation(name: string, message: string, rule: string, excerpt?: Uint8Array): ProtocolError {
  return new ProtocolError(name, message, { phase: 'option', rule, excerpt });
}
