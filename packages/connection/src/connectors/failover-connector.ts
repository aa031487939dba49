/** Several servers that have one export: the next one is tried when one cannot be reached. */
import {
  type Clock,
  ConnectError,
  type Connector,
  type Established,
  type ExportFacts,
  UsageError,
} from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, toError } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import { repetitionOptions } from '../attempts/repetition-options.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { connectionTrace } from '../diagnostics.ts';
import { IdleConnection } from '../negotiation/idle-connection.ts';
import { isPermanent, isUnknownExport, named } from '../negotiation/named-error.ts';

/** One of several servers. */
export interface FailoverMember {
  /** How messages call it. */
  readonly name: string;
  /** Makes one attempt for each call: it does not repeat attempts by itself. It belongs to the fail-over, and is released with it. */
  readonly connector: Connector;
}

/** Compares an export with the one that was connected to first. Returns what is different, or `undefined`. */
export type CompareFacts = (first: ExportFacts, other: ExportFacts) => Error | undefined;

/** The options of `createFailoverConnector` as data: name, default, unit and text of each, to check them or to list them. */
export const failoverOptions = defineOptions({
  ...repetitionOptions.definitions,
  /** Says how an export differs from the first one. A server with a different export counts as one that cannot be used. @default no check */
  compare: option.callback<CompareFacts>({
    defaultText: 'no check',
    doc: 'Says how an export differs from the first one. A server with a different export counts as one that cannot be used.',
  }),
  /** @default real time */
  clock: option.object<Clock>({ default: systemClock, defaultText: 'real time', doc: 'The clock of the attempts.' }),
  /** Returns numbers from 0 to 1 that spread the delays between attempts; 0.5 does not. @default Math.random */
  jitter: option.callback<() => number>({
    default: Math.random,
    defaultText: 'Math.random',
    doc: 'Returns numbers from 0 to 1 that spread the delays between attempts; 0.5 does not.',
  }),
});

/** How several servers are tried. */
export interface FailoverOptions extends OptionsOf<typeof failoverOptions> {}

interface Member extends FailoverMember {
  /** Connections to this server that are open. */
  openCount: number;
}

/**
 * Joins the connectors of several servers that have the same export. An attempt tries each server once: first the one that was connected
 * to last, at first the first one, then those after it, in a circle. While a connection to a server is open, further connections lead to the
 * same server: a flush on one of them would not cover what went to another server.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` without a server, or for an option that is unknown or wrong.
 */
export function createFailoverConnector(members: readonly FailoverMember[], options: FailoverOptions = {}): Connector {
  const { compare, clock, jitter, ...repetition } = failoverOptions.resolve('createFailoverConnector', options);
  if (members.length === 0) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'createFailoverConnector: there is no server, expected one or several');
  }
  const servers = new Servers(members, repetition.awaitExport, compare);
  const stayAlive = new StayAlive();
  const loop = new ConnectLoop<Established>({
    ...repetition,
    name: members.map(({ name }) => name).join(', '),
    clock,
    jitter,
    waiting: (on) => stayAlive.set(on),
    attempt: (signal) => servers.connect(signal),
  });
  return {
    establish: (how) => loop.establish(how),
    retry: (on) => loop.retry(on),
    release() {
      loop.release();
      for (const { connector } of members) connector.release();
    },
  };
}

class Servers {
  readonly #members: readonly Member[];
  readonly #awaitExport: boolean;
  readonly #compare: CompareFacts | undefined;
  /** The server that was connected to last. */
  #current: Member | undefined;
  #facts: ExportFacts | undefined;

  constructor(members: readonly FailoverMember[], awaitExport: boolean, compare: CompareFacts | undefined) {
    this.#members = members.map(({ name, connector }) => ({ name, connector, openCount: 0 }));
    this.#awaitExport = awaitExport;
    this.#compare = compare;
  }

  /** Tries each server once. */
  async connect(signal: AbortSignal): Promise<IdleConnection> {
    const errors: Error[] = [];
    const first = this.#current === undefined ? 0 : this.#members.indexOf(this.#current);
    for (let step = 0; step < this.#members.length; step++) {
      const member = this.#members[(first + step) % this.#members.length] as Member;
      // A loss may become known only now, so this is asked for each server anew.
      if (member !== this.#current && (this.#current?.openCount ?? 0) > 0) continue;
      try {
        return this.#keep(member, await member.connector.establish({ wait: true, signal }));
      } catch (error) {
        signal.throwIfAborted();
        errors.push(named(toError(error), member.name));
      }
    }
    throw this.#joined(errors);
  }

  #keep(member: Member, { channel, facts, excess }: Established): IdleConnection {
    const idle = new IdleConnection(channel, facts, excess);
    const difference = this.#facts === undefined ? undefined : this.#compare?.(this.#facts, facts);
    if (difference !== undefined) {
      idle.discard();
      throw difference;
    }
    this.#facts ??= facts;
    member.openCount++;
    void channel.closed.then(() => member.openCount--);
    if (this.#current !== undefined && this.#current !== member && connectionTrace.enabled) {
      connectionTrace.emit('switched', { endpoint: member.name, before: this.#current.name });
    }
    this.#current = member;
    return idle;
  }

  /** One error for all servers. It is permanent if each of them would fail in the same way again. */
  #joined(errors: readonly Error[]): Error {
    const [first] = errors;
    if (errors.length === 1 && first !== undefined) return first;
    const permanent = errors.every((error) => isPermanent(error) && !(this.#awaitExport && isUnknownExport(error)));
    const message = `none of ${errors.length} servers can be used: ${errors.map((error) => error.message).join('; ')}`;
    return new ConnectError('ERR_NBD_CONNECT', message, { permanent, cause: new AggregateError(errors, message) });
  }
}
