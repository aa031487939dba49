/** Option mode with a server that has it. */
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

/** The common case: a server of the newstyle handshake. */
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
    return (await this.#conversation.result('exports', (machine) => machine.list())).exports;
  }

  async info(exportName: string): Promise<ExportFacts> {
    return (await this.#conversation.result('info', (machine) => machine.info(exportName))).facts;
  }

  async listMetaContexts(exportName: string, queries: readonly string[] = []): Promise<readonly string[]> {
    const give = (machine: ClientHandshake) => machine.listMetaContexts(exportName, queries);
    return (await this.#conversation.result('context-names', give)).names;
  }

  async setMetaContexts(exportName: string, queries: readonly string[]): Promise<readonly SelectedContext[]> {
    const give = (machine: ClientHandshake) => machine.setMetaContexts(exportName, queries);
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
