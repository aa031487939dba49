/**
 * A server that is asked about its exports, by one connection at a time: many let in one client only, and a second connection
 * would wait for the first.
 */
import { adoptConnection, type NbdClient, resolveTarget } from '@nbdjs/client';
import type { Negotiation } from '@nbdjs/connection';
import { ConnectError, type ExportFacts, NegotiationError, TimeoutError } from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { ServerWords } from '../arguments/server.ts';
import { openServer, openTalk, type ServerOperand, targetOf } from '../open.ts';
import type { ProtocolView } from '../render/export.ts';
import type { Terminal } from '../terminal.ts';
import { leaveNegotiation } from './leave-taking.ts';

/** Exports in a row whose questions a server has left without an answer, until it is not asked about others any more. */
const silencesMax = 3;

export class Visit implements AsyncDisposable {
  /** What was agreed on with the first connection. */
  readonly protocol: ProtocolView;
  /** The server, as errors call it. */
  readonly name: string;
  /** The export that the operand names. */
  readonly exportName: string;
  readonly #server: ServerOperand;
  readonly #words: ServerWords;
  readonly #terminal: Terminal;
  #negotiation: Negotiation | undefined;
  /** Whether the connection has answered before, so that it may be due to earlier questions if it breaks. */
  #hasAnswered = false;
  /** Whether INFO is worth a try. */
  #knowsInfo = true;
  #silences = 0;

  /** Use `Visit.begin`. */
  constructor(server: ServerOperand, words: ServerWords, terminal: Terminal, negotiation: Negotiation) {
    const { name, exportName } = resolveTarget(targetOf(server));
    const { style, mode, tls } = negotiation;
    this.name = name;
    this.exportName = exportName;
    this.protocol = { style, mode, tls };
    this.#server = server;
    this.#words = words;
    this.#terminal = terminal;
    this.#negotiation = negotiation;
  }

  /** With retries, not only the server is waited for, but also the export that the operand names, if `awaitsExport`. */
  static async begin(
    server: ServerOperand,
    words: ServerWords,
    terminal: Terminal,
    { awaitsExport }: { readonly awaitsExport: boolean },
  ): Promise<Visit> {
    const { exportName } = resolveTarget(targetOf(server));
    const probe = awaitsExport && words.retries > 0 ? (talk: Negotiation) => knows(talk, exportName) : undefined;
    return new Visit(server, words, terminal, await openTalk(server, words, terminal, probe));
  }

  get #signal(): AbortSignal {
    return this.#terminal.signal;
  }

  /** Which exports there are. */
  list(): Promise<readonly ExportEntry[]> {
    return this.#ask((negotiation) => negotiation.list());
  }

  /**
   * What the server tells of an export that is not opened; nothing where it tells that to nobody.
   *
   * @throws NegotiationError when it refuses the export.
   */
  async info(exportName: string): Promise<ExportFacts | undefined> {
    // The plain newstyle handshake has no option but to open an export.
    if (!this.#knowsInfo || this.protocol.style === 'newstyle') return undefined;
    try {
      return await this.#ask((negotiation) => negotiation.info(exportName));
    } catch (error) {
      if (this.#signal.aborted) throw error;
      const isRefused = error instanceof NegotiationError;
      if (isRefused && error.code !== 'ERR_NBD_OPTION_UNSUPPORTED') throw error;
      // A server that loses its place at INFO may open exports all the same; one that does not say so again.
      this.#knowsInfo = false;
      return undefined;
    }
  }

  /** The metadata contexts that can be had, or nothing where that cannot be asked. */
  async contexts(exportName: string): Promise<readonly string[] | undefined> {
    if (this.protocol.mode === 'simple') return undefined;
    try {
      return await this.#ask((negotiation) => negotiation.listMetaContexts(exportName));
    } catch (error) {
      if (this.#signal.aborted) throw error;
      return undefined;
    }
  }

  /** Opens an export, by the connection that there is. The client is the caller's. */
  async open(exportName: string): Promise<NbdClient> {
    const negotiation = this.#negotiation;
    if (negotiation !== undefined) {
      const stop = this.#stopWith(negotiation);
      try {
        const established = await negotiation.go(exportName);
        const client = await adoptConnection(established, { signal: this.#signal }, this.name);
        this.#negotiation = undefined;
        return client;
      } catch (error) {
        // The next option may follow a refusal, but nbd-server mixes up exports after one of GO.
        await this.#leave();
        if (isRefusal(error) || error instanceof TimeoutError || this.#signal.aborted) throw error;
        // Once more, with all the ways round that connecting knows.
      } finally {
        stop();
      }
    }
    const options = { exportName, contexts: [], fullInfo: true, reconnectDelayMs: 0, awaitExport: false };
    const open = () => openServer(this.#server, this.#words, this.#terminal, options);
    return await this.#heard(() => this.#reach(open));
  }

  /** Takes leave of the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
  }

  /** Asks, and asks once more by a fresh connection if one breaks that has been of use before. */
  async #ask<Answer>(question: (negotiation: Negotiation) => Promise<Answer>): Promise<Answer> {
    for (;;) {
      const negotiation = await this.#connected();
      const wasOfUse = this.#hasAnswered;
      const stop = this.#stopWith(negotiation);
      try {
        return await this.#heard(() => question(negotiation));
      } catch (error) {
        if (isRefusal(error)) throw error;
        await this.#leave();
        if (!wasOfUse || this.#signal.aborted) throw error;
      } finally {
        stop();
      }
    }
  }

  /** Takes note of an answer, be it yes or no. */
  async #heard<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    try {
      const answer = await ask();
      this.#hasAnswered = true;
      this.#silences = 0;
      return answer;
    } catch (error) {
      if (isRefusal(error)) {
        this.#hasAnswered = true;
        this.#silences = 0;
      }
      throw error;
    }
  }

  async #connected(): Promise<Negotiation> {
    this.#negotiation ??= await this.#reach(() => openTalk(this.#server, this.#words, this.#terminal));
    return this.#negotiation;
  }

  /** Makes a connection, unless the server has left too many without an answer. */
  async #reach<Connection>(connect: () => Promise<Connection>): Promise<Connection> {
    this.#signal.throwIfAborted();
    if (this.#silences >= silencesMax) {
      const message = `${this.name}: not asked, because the server has not answered about the ${silencesMax} before`;
      throw new ConnectError('ERR_NBD_CONNECT', message);
    }
    this.#silences++;
    return await connect();
  }

  /** Hangs up when the program is told to stop; gives a function that undoes it. */
  #stopWith(negotiation: Negotiation): () => void {
    const stop = () => negotiation.close();
    this.#signal.addEventListener('abort', stop, { once: true });
    return () => this.#signal.removeEventListener('abort', stop);
  }

  async #leave(): Promise<void> {
    const negotiation = this.#negotiation;
    this.#negotiation = undefined;
    this.#hasAnswered = false;
    if (negotiation !== undefined) await leaveNegotiation(negotiation);
  }
}

/** Whether the server has said no to something, and listens still. */
export function isRefusal(error: unknown): error is NegotiationError {
  return error instanceof NegotiationError;
}

/** Fails if the server can tell that it has no such export. */
async function knows(negotiation: Negotiation, exportName: string): Promise<void> {
  if (negotiation.style === 'newstyle') return;
  await negotiation.info(exportName).catch((error: unknown) => {
    if (!(error instanceof NegotiationError && error.code === 'ERR_NBD_OPTION_UNSUPPORTED')) throw error;
  });
}
