/** What `nbd serve` lets its clients have: numbers of them, times, memory. */
import { UsageError } from '@nbdjs/interfaces';
import type { GivenLimits } from '@nbdjs/server';
import type { Command } from 'commander';
import { parseCount, parseSize } from './size.ts';

type LimitName = keyof GivenLimits;

interface LimitOption {
  readonly flags: string;
  readonly unit: 'count' | 'seconds' | 'bytes';
  /** The limits that it sets, by their names in `limits` of `createServer`. */
  readonly names: readonly [LimitName, ...LimitName[]];
  readonly help: string;
  /** The least that makes sense. @default 0, which stands for no limit */
  readonly least?: number;
}

const countMax = 1_000_000;
const secondsMax = 1_000_000;

const limitOptions: readonly LimitOption[] = [
  {
    flags: '-e, --shared <n>',
    unit: 'count',
    names: ['connectionsMax'],
    help: 'clients at a time, the others wait; 0 for any number (default: 1024)',
  },
  {
    flags: '--max-waiting <n>',
    unit: 'count',
    names: ['waitingMax'],
    help: 'clients that may wait, the others are turned away (default: 4096)',
  },
  {
    flags: '--wait-limit <s>',
    unit: 'seconds',
    names: ['waitMs'],
    help: 'seconds that a client waits while those who are served do nothing, 0 for any time (default: 8)',
  },
  {
    flags: '--handshake-limit <s>',
    unit: 'seconds',
    names: ['handshakeMs'],
    help: 'seconds for each step of the handshake, 0 for no limit (default: 10)',
  },
  {
    flags: '--max-handshakes <n>',
    unit: 'count',
    names: ['handshakesMax'],
    help: 'clients in the handshake at a time, 0 for any number (default: 512)',
  },
  {
    flags: '--max-connections-per-address <n>',
    unit: 'count',
    names: ['connectionsPerAddressMax'],
    help: 'connections of one address at a time, 0 for any number (default: 512, but any of this machine)',
  },
  {
    flags: '--max-connects-per-second <n>',
    unit: 'count',
    names: ['connectsPerSecondMax'],
    help: 'new connections of one address each second, 0 for any number (default: 500, but any of this machine)',
  },
  {
    flags: '--idle-timeout <s>',
    unit: 'seconds',
    names: ['idleMs'],
    help: 'seconds that a client may ask for nothing, 0 for any time (default: 0)',
  },
  {
    flags: '--stall-timeout <s>',
    unit: 'seconds',
    names: ['stallMs', 'sendStallMs'],
    help: 'seconds that a client may stand still in a request or before replies, 0 for as long as nobody needs what it has (default: 0)',
  },
  {
    flags: '--max-requests <n>',
    unit: 'count',
    names: ['requestsInFlightMax'],
    help: 'requests of one client that are carried out at a time (default: 1024)',
    least: 1,
  },
  {
    flags: '--max-request-size <n>',
    unit: 'bytes',
    names: ['payloadBytesMax'],
    help: 'bytes of the longest read or write (default: 32M)',
    least: 1,
  },
  {
    flags: '--max-memory <n>',
    unit: 'bytes',
    names: ['serverBytesMax'],
    help: 'bytes of requests and replies of all clients (default: 512M)',
    least: 1,
  },
  {
    flags: '--close-limit <s>',
    unit: 'seconds',
    names: ['closeMs'],
    help: 'seconds that clients have to go when the server ends (default: 2)',
    least: 1,
  },
];

/** Adds them to a command. */
export function addServerLimits(command: Command): void {
  for (const { flags, unit, help, least = 0 } of limitOptions) {
    const option = longOf(flags);
    command.option(flags, help, (text: string) => {
      if (unit === 'count') return parseCount(text, option, least, countMax);
      if (unit === 'seconds') return 1000 * parseCount(text, option, least, secondsMax);
      return Number(parseSize(text, option));
    });
  }
  command.option('--limit <name=n>', 'any other limit of docs/limits.md by its name (repeatable)', named);
}

/** What was said of them. */
export function serverLimits(options: Readonly<Record<string, unknown>>): GivenLimits {
  const given: Partial<Record<LimitName, number>> = { ...(options.limit as GivenLimits | undefined) } as never;
  for (const { flags, names } of limitOptions) {
    const value = options[camel(longOf(flags))];
    if (value !== undefined) for (const name of names) given[name] = value as number;
  }
  return given;
}

/** `NAME=N`, where the server knows which names there are. */
function named(word: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const [, name, text] = /^(\w+)=(.*)$/s.exec(word) ?? [];
  if (name === undefined || text === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', `--limit: '${word}' is no NAME=NUMBER`);
  }
  return { ...before, [name]: Number(parseSize(text, `--limit ${name}`)) };
}

function longOf(flags: string): string {
  return /--[\w-]+/.exec(flags)?.[0] ?? flags;
}

function camel(option: string): string {
  return option.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
