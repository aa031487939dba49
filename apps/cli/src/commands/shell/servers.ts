/** Connecting to servers from the shell. */
import {
  adoptConnection,
  type ConnectOptions,
  type ConnectTarget,
  connect,
  type NbdClient,
  resolveTarget,
  resolveTls,
} from '@nbdjs/client';
import { type Negotiation, type OpenNegotiationOptions, openNegotiation } from '@nbdjs/connection';
import { withTls } from '../../connecting/client-tls.ts';
import { openServer, targetOf, tlsOf } from '../../connecting/open-server.ts';
import type { ServerOperand } from '../../options/operand.ts';
import type { Terminal } from '../../terminal.ts';
import type { ShellOptions } from './command.ts';
import type { Opened } from './opened.ts';

/** What the client refuses by itself. What it does to keep to the protocol where no caller has a say stays on. */
const uncheckedRequests = {
  commands: false,
  flags: false,
  bounds: false,
  zeroSize: false,
  align: false,
  payload: false,
} as const;

export class ShellServers {
  readonly #options: ShellOptions;
  readonly #terminal: Terminal;
  readonly #opened: Opened;
  /** The export that the last negotiation was asked for. */
  #exportNames = new WeakMap<Negotiation, string>();

  constructor(options: ShellOptions, terminal: Terminal, opened: Opened) {
    this.#options = options;
    this.#terminal = terminal;
    this.#opened = opened;
  }

  /** As `connect` of the client, with what the command line says. */
  readonly connect = async (target: ConnectTarget, options: ConnectOptions = {}): Promise<NbdClient> => {
    const { mode } = this.#options;
    const given = { delivery: 'inline', allowLocalFiles: true, mode, signal: this.#terminal.signal } as const;
    return this.#opened.keep(await connect(target, { ...given, ...this.#strictness(), ...options }));
  };

  /** Stops where options can be sent. */
  readonly negotiate = async (target: ConnectTarget, options: OpenNegotiationOptions = {}): Promise<Negotiation> => {
    return await this.#negotiate(target, undefined, options);
  };

  /** Opens the server of the command line. */
  async open(server: ServerOperand): Promise<NbdClient> {
    const operand = withTls(server, this.#options);
    return this.#opened.keep(await openServer(operand, this.#options, this.#terminal, this.#strictness()));
  }

  /** The same in option mode. */
  async openNegotiation(server: ServerOperand): Promise<Negotiation> {
    const operand = withTls(server, this.#options);
    return await this.#negotiate(await targetOf(operand, this.#options), tlsOf(operand), {});
  }

  /** Opens an export of a negotiation: that of its URI, if no other is named. */
  async adopt(negotiation: Negotiation, exportName = this.#exportNames.get(negotiation) ?? ''): Promise<NbdClient> {
    const established = await negotiation.go(exportName);
    return this.#opened.keep(await adoptConnection(established, this.#strictness(), negotiation.peer.name));
  }

  async #negotiate(
    given: ConnectTarget,
    tls: ServerOperand['tls'],
    { handshake, ...options }: OpenNegotiationOptions,
  ): Promise<Negotiation> {
    const target = resolveTarget(given);
    const { settings, mode: tlsMode } = resolveTls(target, { tls, allowLocalFiles: true });
    const { mode } = this.#options;
    const negotiation = await openNegotiation(target.endpoint, {
      name: target.name,
      signal: this.#terminal.signal,
      tls: settings,
      handshake: { tls: tlsMode, ...(mode === undefined ? {} : { mode }), ...handshake },
      ...options,
    });
    this.#exportNames.set(negotiation, target.exportName);
    return this.#opened.keep(negotiation);
  }

  #strictness(): Pick<ConnectOptions, 'strict'> {
    return this.#options.checks ? {} : { strict: uncheckedRequests };
  }
}
