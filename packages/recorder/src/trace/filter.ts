/** Which part of a trace is of interest. */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { commands } from '@nbdjs/protocol';
import type { Request } from '../decoding/requests-in-flight.ts';
import type { FaultRange } from '../faults/rule.ts';
import type { Exchange } from './exchange.ts';
import type { TracedMessage } from './traced-message.ts';

/** The options of a `TraceFilter` as data. */
export const traceFilterOptions = defineOptions({
  /** Only these commands and their replies, such as `READ`. @default all messages */
  commands: option.texts({
    doc: 'Only these commands and their replies, such as `READ`.',
    defaultText: 'all messages',
  }),
  /** Only requests with a byte in this range of the export, and their replies. @default all messages */
  offset: option.object<FaultRange>({
    doc: 'Only requests with a byte in this range of the export, and their replies.',
    defaultText: 'all messages',
  }),
  /** Only these connections. @default all */
  connections: option.checked<readonly number[]>(
    { expected: 'an array of numbers', holds: (value) => Array.isArray(value) && value.every(Number.isInteger) },
    { doc: 'Only these connections.', defaultText: 'all' },
  ),
  /** Only requests that have failed. @default false */
  errors: option.boolean({ default: false, doc: 'Only requests that have failed.' }),
  /** Only requests whose answer has taken longer than this, in milliseconds. @default all */
  slowerMs: option.milliseconds({
    doc: 'Only requests whose answer has taken longer than this.',
    defaultText: 'all',
  }),
});

/** Which part of a trace is of interest. All conditions have to hold. */
export interface TraceFilterOptions extends OptionsOf<typeof traceFilterOptions> {}

/** Chooses messages and exchanges. */
export class TraceFilter {
  readonly #settings: ReturnType<typeof traceFilterOptions.resolve>;
  readonly #commands: ReadonlySet<number | undefined> | undefined;

  /** @throws UsageError for an option that is wrong, or a command that does not exist. */
  constructor(options: TraceFilterOptions = {}) {
    this.#settings = traceFilterOptions.resolve('TraceFilter', options);
    this.#commands = this.#settings.commands === undefined ? undefined : new Set(this.#settings.commands.map(numberOf));
  }

  /** Whether it asks for what is known only when a request has been answered. */
  get isAboutAnswers(): boolean {
    return this.#settings.errors || this.#settings.slowerMs !== undefined;
  }

  /** Whether a message of a connection is of interest; the answer to it is not looked at. */
  takesMessage({ connection, frame }: TracedMessage): boolean {
    return this.takesConnection(connection) && this.#takesRequest(frame.request);
  }

  /** Whether an exchange is of interest. */
  takesExchange({ connection, request, error, latency }: Exchange): boolean {
    const { errors, slowerMs = -1 } = this.#settings;
    if (errors && error === undefined) return false;
    return latency / 1000 > slowerMs && this.takesConnection(connection) && this.#takesRequest(request);
  }

  /** Whether a connection is of interest. */
  takesConnection(connection: number): boolean {
    return this.#settings.connections?.includes(connection) ?? true;
  }

  #takesRequest(request: Request | undefined): boolean {
    const { offset: range } = this.#settings;
    if (this.#commands === undefined && range === undefined) return true;
    if (request === undefined || this.#commands?.has(request.command) === false) return false;
    if (range === undefined) return true;
    const { offset, length } = request;
    return (range.to === undefined || offset < range.to) && offset + (length > 0n ? length : 1n) > (range.from ?? 0n);
  }
}

function numberOf(name: string): number {
  const number = commands.number(name);
  if (number !== undefined) return number;
  throw new UsageError(
    'ERR_NBD_ARGUMENT',
    `there is no command '${name}', expected one of ${commands.names.join(', ')}`,
  );
}
