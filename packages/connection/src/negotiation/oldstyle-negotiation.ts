/** Option mode, played for a server that has none. */
import {
  type Established,
  type ExportFacts,
  type HandshakeStyle,
  type HeaderMode,
  type PeerDescription,
  type SelectedContext,
  UsageError,
} from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { IdleConnection } from './idle-connection.ts';
import type { Negotiation } from './negotiation.ts';
import type { EstablishedStart, OptionConversation } from './option-conversation.ts';

/** A server of the oldstyle handshake knows no options: it has told about its only export already, and opened it. */
export class OldstyleNegotiation implements Negotiation {
  readonly peer: PeerDescription;
  readonly style: HandshakeStyle;
  readonly mode: HeaderMode;
  readonly tls: boolean;
  readonly avoided = [];
  readonly #conversation: OptionConversation;
  readonly #parked: IdleConnection;
  #isOver = false;

  constructor(conversation: OptionConversation, { parked }: EstablishedStart) {
    this.#conversation = conversation;
    this.#parked = parked;
    this.peer = parked.channel.peer;
    this.style = parked.facts.style;
    this.mode = parked.facts.mode;
    this.tls = parked.facts.tls;
    conversation.finish();
  }

  async list(): Promise<readonly ExportEntry[]> {
    this.#check('');
    return [{ name: '', description: '' }];
  }

  async info(exportName: string): Promise<ExportFacts> {
    this.#check(exportName);
    return this.#parked.facts;
  }

  async listMetaContexts(exportName: string): Promise<readonly string[]> {
    this.#check(exportName);
    return [];
  }

  async setMetaContexts(exportName: string): Promise<readonly SelectedContext[]> {
    this.#check(exportName);
    return [];
  }

  async go(exportName: string): Promise<Established> {
    this.#check(exportName);
    this.#isOver = true;
    return this.#parked.take();
  }

  async abort(): Promise<void> {
    this.close();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parked.discard();
  }

  #check(exportName: string): void {
    const { name } = this.#conversation;
    if (this.#isOver) throw new UsageError('ERR_NBD_CLOSED', `${name}: the negotiation is over`);
    if (exportName !== '') {
      const message = `${name}: a server of the oldstyle handshake has one export without a name`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
  }
}
