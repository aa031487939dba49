/** The limits of `nbd serve` for its clients: how many there may be, how long they may take, how much memory they may use. */
import type { Command, OptionValues } from '@commander-js/extra-typings';
import type { GivenLimits } from '@nbdjs/server';
import { argumentError } from '../../errors/argument-error.ts';
import { addGroups, optionGroup } from '../../options/option-group.ts';
import { addOptionTable, type OptionRow } from '../../options/option-table.ts';
import { parseCount, parseSize } from '../../options/size.ts';

interface LimitOption {
  readonly flags: string;
  readonly unit: 'count' | 'seconds' | 'bytes';
  /** The limits that it sets, by their names in `limits` of `createServer`. */
  readonly names: readonly [keyof GivenLimits, ...(keyof GivenLimits)[]];
  readonly help: string;
  /** The lowest value that is allowed. @default 0, which means no limit */
  readonly least?: number;
}

const countMax = 1_000_000;
const secondsMax = 1_000_000;

/** Where `nbd serve` has another default than the server: people who press Ctrl-C do not wait for 10 seconds. */
export const ownDefaults = { closeMs: 2000 } as const satisfies GivenLimits;

/** The options, in the order of the help. Their defaults are in the text: to load the server for them would make each start slower. */
export const limitOptions: readonly LimitOption[] = [
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
    help: 'clients that may wait, further ones are refused (default: 4096)',
  },
  {
    flags: '--wait-limit <s>',
    unit: 'seconds',
    names: ['waitMs'],
    help: 'seconds that a client waits while those that are served send no requests, 0 for no limit (default: 8)',
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
    help: 'seconds that a client may send no request, 0 for no limit (default: 0)',
  },
  {
    flags: '--stall-timeout <s>',
    unit: 'seconds',
    names: ['stallMs', 'sendStallMs'],
    help: 'seconds that a client may stop in a request or with replies unread, 0 for as long as no other client waits for it (default: 0)',
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
    help: 'seconds that clients have to disconnect when the server ends (default: 2)',
    least: 1,
  },
];

/** Adds them to a command. The answers are `limits`, and `limit` for those without an option of their own. */
export function addLimits<A extends unknown[], O extends OptionValues, G extends OptionValues>(
  command: Command<A, O, G>,
) {
  const named = optionGroup().option(
    '--limit <name=n>',
    'any other limit of docs/limits.md by its name (repeatable)',
    parseNamedLimit,
  );
  return addGroups(addOptionTable(command, 'limits', limitOptions.map(limitRow)), named);
}

function limitRow({ flags, unit, names, help, least = 0 }: LimitOption): OptionRow<GivenLimits> {
  const option = /--[\w-]+/.exec(flags)?.[0] ?? flags;
  const parse = (text: string): number => {
    if (unit === 'count') return parseCount(text, option, least, countMax);
    if (unit === 'seconds') return 1000 * parseCount(text, option, least, secondsMax);
    return Number(parseSize(text, option));
  };
  return {
    flags,
    help,
    collect: (text, before) => {
      const value = parse(text);
      return { ...before, ...Object.fromEntries(names.map((name) => [name, value])) };
    },
  };
}

/** Parses `NAME=N`. The names are checked when the server is made. */
function parseNamedLimit(word: string, before: GivenLimits = {}): GivenLimits {
  const [, name, text] = /^(\w+)=(.*)$/s.exec(word) ?? [];
  if (name === undefined || text === undefined) throw argumentError(`--limit: '${word}' is not NAME=NUMBER`);
  return { ...before, [name]: Number(parseSize(text, `--limit ${name}`)) };
}
