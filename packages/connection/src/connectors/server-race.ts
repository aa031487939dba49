/** Several servers of one export, of which one is used at a time. */
import {
  type Cancel,
  type Clock,
  ConnectError,
  type Connector,
  type Established,
  type ExportFacts,
} from '@nbdjs/interfaces';
import { toError } from '@nbdjs/kit';
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

interface RaceSettings {
  readonly awaitExport: boolean;
  readonly clock: Clock;
  readonly compare: CompareFacts | undefined;
  readonly nextServerMs: number;
}

/** A server, and what is under way with it. */
class Contender {
  readonly name: string;
  /** Connections to it that are open. */
  openCount = 0;
  /** The attempt that its next connection is for. One that was left behind is discarded, unless a later attempt waits for it. */
  attempt: object | undefined;
  readonly #connector: Connector;
  #pending: Promise<Established> | undefined;

  constructor({ name, connector }: FailoverMember) {
    this.name = name;
    this.#connector = connector;
  }

  /** Waits for a connection, or goes on with a wait that an earlier attempt has left behind. */
  establish(): Promise<Established> {
    this.#pending ??= this.#connector.establish({ wait: true }).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }
}

/** Makes attempts at all servers. One attempt may be under way at a time. */
export class ServerRace {
  readonly #contenders: readonly Contender[];
  readonly #settings: RaceSettings;
  /** The server that was connected to last. */
  #current: Contender | undefined;
  /** The facts of the first connection. */
  #facts: ExportFacts | undefined;

  constructor(members: readonly FailoverMember[], settings: RaceSettings) {
    this.#contenders = members.map((member) => new Contender(member));
    this.#settings = settings;
  }

  /** Tries each server once. Resolves to the first connection. */
  connect(signal: AbortSignal): Promise<IdleConnection> {
    const attempt = {};
    const waiting = this.#inOrder();
    const errors = new Map<Contender, Error>();
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      let isOver = false;
      let runningCount = 0;
      let cancelNext: Cancel = () => {};
      const finish = () => {
        isOver = true;
        cancelNext();
        signal.removeEventListener('abort', onAbort);
      };
      const onAbort = () => {
        finish();
        reject(signal.reason);
      };
      const fail = (contender: Contender, error: unknown) => {
        runningCount--;
        errors.set(contender, named(toError(error), contender.name));
        join();
        if (runningCount > 0 || isOver) return;
        finish();
        reject(this.#joined(errors));
      };
      const arrive = (contender: Contender, established: Established) => {
        const idle = idleOf(established);
        const difference = this.#differenceOf(established.facts);
        if (isOver || difference !== undefined) {
          idle.discard();
          if (!isOver) fail(contender, difference);
          return;
        }
        finish();
        this.#use(contender, established);
        resolve(idle);
      };
      const join = () => {
        cancelNext();
        const [contender] = waiting;
        // The loss of the last open connection may become known only while its server is tried.
        if (contender === undefined || !this.#mayUse(contender)) return;
        waiting.shift();
        runningCount++;
        contender.attempt = attempt;
        cancelNext = this.#settings.clock.schedule(this.#settings.nextServerMs, join);
        contender.establish().then(
          (established) => contender.attempt === attempt && arrive(contender, established),
          (error: unknown) => contender.attempt === attempt && !isOver && fail(contender, error),
        );
      };
      signal.addEventListener('abort', onAbort, { once: true });
      join();
    });
  }

  /** In a circle, from the server on that was connected to last. */
  #inOrder(): Contender[] {
    const first = this.#current === undefined ? 0 : this.#contenders.indexOf(this.#current);
    return [...this.#contenders.slice(first), ...this.#contenders.slice(0, first)];
  }

  /** Returns whether no connection to another server is open. */
  #mayUse(contender: Contender): boolean {
    return this.#current === undefined || this.#current === contender || this.#current.openCount === 0;
  }

  #differenceOf(facts: ExportFacts): Error | undefined {
    return this.#facts === undefined ? undefined : this.#settings.compare?.(this.#facts, facts);
  }

  #use(contender: Contender, { channel, facts }: Established): void {
    const before = this.#current;
    this.#facts ??= facts;
    this.#current = contender;
    contender.openCount++;
    void channel.closed.then(() => contender.openCount--);
    if (before === undefined || before === contender || !connectionTrace.enabled) return;
    connectionTrace.emit('switched', { endpoint: contender.name, before: before.name });
  }

  /** One error for all servers, in their order. It is permanent if each of them would fail in the same way again. */
  #joined(errors: ReadonlyMap<Contender, Error>): Error {
    const all = this.#contenders.flatMap((contender) => errors.get(contender) ?? []);
    const [first] = all;
    if (all.length === 1 && first !== undefined) return first;
    const { awaitExport } = this.#settings;
    const permanent = all.every((error) => isPermanent(error) && !(awaitExport && isUnknownExport(error)));
    const message = `none of ${all.length} servers can be used: ${all.map((error) => error.message).join('; ')}`;
    return new ConnectError('ERR_NBD_CONNECT', message, { permanent, cause: new AggregateError(all, message) });
  }
}

function idleOf({ channel, facts, excess }: Established): IdleConnection {
  return new IdleConnection(channel, facts, excess);
}
