/** Option mode for a server of the oldstyle handshake, which has no options. */
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

/** The server has sent the facts of its only export already, and has opened it. */
export class OldstyleNegotiation implements Negotiation {
  readonly peer: PeerDescription;
  readonly style: HandshakeStyle;
  readonly mode: HeaderMode;
  readonly tls: boolean;
  readonly avoided = [];
  readonly #conversation: OptionConversation;
  readonly #idle: IdleConnection;
  #isOver = false;

  constructor(conversation: OptionConversation, { idle }: EstablishedStart) {
    this.#conversation = conversation;
    this.#idle = idle;
    this.peer = idle.channel.peer;
    this.style = idle.facts.style;
    this.mode = idle.facts.mode;
    this.tls = idle.facts.tls;
    conversation.finish();
  }

  async list(): Promise<readonly ExportEntry[]> {
    this.#requireExport('');
    return [{ name: '', description: '' }];
  }

  async info(exportName: string): Promise<ExportFacts> {
    this.#requireExport(exportName);
    return this.#idle.facts;
  }

  async listMetaContexts(exportName: string): Promise<readonly string[]> {
    this.#requireExport(exportName);
    return [];
  }

  async setMetaContexts(exportName: string): Promise<readonly SelectedContext[]> {
    this.#requireExport(exportName);
    return [];
  }

  async go(exportName: string): Promise<Established> {
    this.#requireExport(exportName);
    this.#isOver = true;
    return this.#idle.take();
  }

  async abort(): Promise<void> {
    this.close();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#idle.discard();
  }

  #requireExport(exportName: string): void {
    const { name } = this.#conversation;
    if (this.#isOver) throw new UsageError('ERR_NBD_CLOSED', `${name}: the negotiation is over`);
    if (exportName !== '') {
      const message = `${name}: a server of the oldstyle handshake has one export without a name`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
  }
}
