/** Decides what is done to which message. */
import { UsageError } from '@nbdjs/interfaces';
import { commands, options } from '@nbdjs/protocol';
import type { Frame } from '../decoding/frame.ts';
import type { Request } from '../decoding/requests-in-flight.ts';
import { parseFaultRule } from './parse-rule.ts';
import type { FaultAction, FaultRange, FaultRule } from './rule.ts';
import { seededRandom } from './seeded-random.ts';

/** Something that is done to a message. */
export interface Fault {
  /** What is done. */
  readonly action: FaultAction;
  /** The rule as it was given. */
  readonly rule: string;
}

/** A rule, and how often it has fitted and come true. */
interface Counted {
  readonly rule: FaultRule;
  readonly text: string;
  fits: number;
  done: number;
}

/** The rules of all connections of a proxy. Equal rules, seeds and sessions give equal faults. */
export class FaultInjector {
  readonly #rules: readonly Counted[];
  readonly #random: () => number;

  /**
   * @param rules As data, or as text.
   * @param seed Of the random numbers that chances are taken from.
   * @throws UsageError for a rule that is wrong.
   */
  constructor(rules: readonly (FaultRule | string)[], seed = 1) {
    this.#rules = rules.map((given) => {
      const rule = typeof given === 'string' ? parseFaultRule(given) : given;
      for (const name of rule.commands ?? []) requireName(commands.number(name), 'command', name);
      if (rule.option !== undefined && rule.option !== '*')
        requireName(options.number(rule.option), 'option', rule.option);
      return { rule, text: typeof given === 'string' ? given : describeAction(rule.action), fits: 0, done: 0 };
    });
    this.#random = seededRandom(seed);
  }

  /** The faults of one connection; `number` counts from 1 on. */
  connection(number: number): ConnectionFaults {
    return new ConnectionFaults((message) => this.#decide(number, message));
  }

  #decide(connection: number, message: Asked): readonly Fault[] {
    const faults: Fault[] = [];
    for (const counted of this.#rules) {
      if (!fits(counted.rule, connection, message)) continue;
      counted.fits++;
      if (!this.#comesTrue(counted)) continue;
      counted.done++;
      faults.push({ action: counted.rule.action, rule: counted.text });
    }
    return faults;
  }

  #comesTrue({ rule, fits: count, done }: Counted): boolean {
    const { after = 0, every = 1, chance = 1, times = Number.POSITIVE_INFINITY } = rule;
    if (count <= after || done >= times || (count - after) % every !== 0) return false;
    // Chances are drawn only where they matter, so that other rules do not change them.
    return chance >= 1 || this.#random() < chance;
  }
}

/** What rules are asked about. */
type Asked = { readonly request: Request } | { readonly option: string };

/** The most options whose replies something is to be done to. */
const optionsMax = 1024;

/** The faults of one connection. */
export class ConnectionFaults {
  readonly #decide: (message: Asked) => readonly Fault[];
  readonly #ofReplies = new WeakMap<Request, readonly Fault[]>();
  readonly #ofOptionReplies = new Map<string, readonly Fault[]>();

  /** @internal */
  constructor(decide: (message: Asked) => readonly Fault[]) {
    this.#decide = decide;
  }

  /** Returns what is to be done to a message, in order. Each message may be asked about once. */
  of({ kind, wire, request }: Frame): readonly Fault[] {
    const word = (at: number) => new DataView(wire.buffer, wire.byteOffset, wire.length).getUint32(at);
    switch (kind) {
      case 'request':
        return request === undefined ? [] : this.#ask({ request }, (faults) => this.#ofReplies.set(request, faults));
      case 'option': {
        const option = options.name(word(8));
        return this.#ask({ option }, (faults) => {
          if (this.#ofOptionReplies.size < optionsMax) this.#ofOptionReplies.set(option, faults);
        });
      }
      case 'simple-reply':
      case 'chunk': {
        if (request === undefined) return [];
        const faults = this.#ofReplies.get(request) ?? [];
        this.#ofReplies.delete(request);
        return faults;
      }
      case 'option-reply':
        return this.#takeOption(options.name(word(8)));
      case 'export':
        return this.#takeOption('EXPORT_NAME');
      default:
        return [];
    }
  }

  /** Keeps what is done to the reply. */
  #ask(message: Asked, keep: (faults: readonly Fault[]) => void): readonly Fault[] {
    const faults = this.#decide(message);
    const later = faults.filter(({ action }) => action.type !== 'error' && action.at === 'reply');
    if (later.length === 0) return faults;
    keep(later);
    return faults.filter((fault) => !later.includes(fault));
  }

  #takeOption(option: string): readonly Fault[] {
    const faults = this.#ofOptionReplies.get(option) ?? [];
    this.#ofOptionReplies.delete(option);
    return faults;
  }
}

function fits(rule: FaultRule, connection: number, message: Asked): boolean {
  if (rule.connection !== undefined && rule.connection !== connection) return false;
  if ('option' in message) return rule.option === '*' || rule.option === message.option;
  if (rule.option !== undefined) return false;
  const { command, offset, length } = message.request;
  if (rule.commands !== undefined && !rule.commands.includes(commands.name(command))) return false;
  if (rule.length !== undefined && !holds(rule.length, length, length + 1n)) return false;
  return rule.offset === undefined || holds(rule.offset, offset, offset + (length > 0n ? length : 1n));
}

/** Whether a range has a number from `from` to before `to`. */
function holds(range: FaultRange, from: bigint, to: bigint): boolean {
  return (range.to === undefined || from < range.to) && to > (range.from ?? 0n);
}

function requireName(number: number | undefined, what: string, name: string): void {
  if (number === undefined) throw new UsageError('ERR_NBD_ARGUMENT', `a fault rule: there is no ${what} '${name}'`);
}

/** Returns an action in words. */
export function describeAction(action: FaultAction): string {
  switch (action.type) {
    case 'delay':
      return `delay ${action.at} ${action.ms}ms`;
    case 'error':
      return `error ${action.error}`;
    default:
      return `${action.type} ${action.at}`;
  }
}
