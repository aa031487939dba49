/** Option mode with a server of the newstyle handshake. */
import type { AvoidableOption, ClientHandshake } from '@nbdjs/handshake';
import type {
  Established,
  ExportFacts,
  HandshakeStyle,
  HeaderMode,
  PeerDescription,
  SelectedContext,
} from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { Negotiation } from './negotiation.ts';
import type { OptionConversation, Start } from './option-conversation.ts';

export class NewstyleNegotiation implements Negotiation {
  readonly peer: PeerDescription;
  readonly style: HandshakeStyle;
  readonly mode: HeaderMode;
  readonly tls: boolean;
  readonly avoided: readonly AvoidableOption[];
  readonly #conversation: OptionConversation;

  constructor(conversation: OptionConversation, start: Extract<Start, { type: 'negotiating' }>) {
    this.#conversation = conversation;
    this.peer = conversation.channel.peer;
    this.style = start.style;
    this.mode = start.mode;
    this.tls = start.tls;
    this.avoided = conversation.avoided;
  }

  async list(): Promise<readonly ExportEntry[]> {
    return (await this.#conversation.result('exports', (handshake) => handshake.list())).exports;
  }

  async info(exportName: string): Promise<ExportFacts> {
    return (await this.#conversation.result('info', (handshake) => handshake.info(exportName))).facts;
  }

  async listMetaContexts(exportName: string, queries: readonly string[] = []): Promise<readonly string[]> {
    const give = (handshake: ClientHandshake) => handshake.listMetaContexts(exportName, queries);
    return (await this.#conversation.result('context-names', give)).names;
  }

  async setMetaContexts(exportName: string, queries: readonly string[]): Promise<readonly SelectedContext[]> {
    const give = (handshake: ClientHandshake) => handshake.setMetaContexts(exportName, queries);
    return (await this.#conversation.result('contexts', give)).contexts;
  }

  go(exportName: string): Promise<Established> {
    return this.#conversation.go(exportName);
  }

  abort(): Promise<void> {
    return this.#conversation.abort();
  }

  close(): void {
    this.#conversation.close();
  }
}
