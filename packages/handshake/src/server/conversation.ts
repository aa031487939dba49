/** What all parts of the server's handshake share: the agreement so far, the queues, and the two simple answers. */
import { type HandshakeStyle, type HeaderMode, ProtocolError, type SelectedContext } from '@nbdjs/interfaces';
import { encodeAckReply, encodeErrorReply } from '@nbdjs/protocol';
import type { ServerHandshakeEvent } from './events.ts';
import type { ServerHandshakeSettings } from './settings.ts';
import type { ServerHandshakeState } from './states.ts';

export class ServerConversation {
  readonly settings: ServerHandshakeSettings;
  readonly output: Uint8Array[] = [];
  readonly events: ServerHandshakeEvent[] = [];
  state: ServerHandshakeState = 'greeting';
  /** What the client is expected to do, for messages: `closed the connection instead of ...`. */
  activity = 'answering the greeting';
  /** How many steps the client has completed: answering the greeting, sending an option, setting up TLS. */
  stepsDone = 0;
  /** From now on everything but `ABORT` is refused (S18). */
  isShuttingDown = false;
  style: HandshakeStyle = 'newstyle';
  mode: HeaderMode = 'simple';
  tls = false;
  noZeroes = false;
  /** Payload of all options so far, in bytes. */
  optionsBytes = 0;
  /** The result of the last `SET_META_CONTEXT`. It counts only for the export that it was asked for. */
  selection: { readonly exportName: string; readonly contexts: readonly SelectedContext[] } | undefined;

  constructor(settings: ServerHandshakeSettings) {
    this.settings = settings;
  }

  enter(state: ServerHandshakeState, activity: string): void {
    this.state = state;
    this.activity = activity;
  }

  acknowledge(option: number): void {
    this.output.push(encodeAckReply(option));
  }

  /** Refuses an option; `type` is an `OptionReply` that is an error, `text` is for the client's user. */
  refuse(option: number, type: number, text: string): void {
    this.output.push(encodeErrorReply(option, type, text));
  }

  /** Resets what was agreed on in clear text, which an upgrade to TLS makes void (S27, S78). */
  forget(): void {
    this.mode = 'simple';
    this.selection = undefined;
  }
}

/** The error for a broken rule of the option phase. */
export function violation(name: string, message: string, rule: string): ProtocolError {
  return new ProtocolError(name, message, { phase: 'option', rule });
}
