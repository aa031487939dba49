/** Several servers that have one export: the next one is tried when one cannot be reached. */
import { type Connector, type Established, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { ConnectLoop } from '../attempts/connect-loop.ts';
import { inlineOnlyOptions } from '../attempts/inline-options.ts';
import { repetitionOptions } from '../attempts/repetition-options.ts';
import { StayAlive } from '../attempts/stay-alive.ts';
import { type CompareFacts, type FailoverMember, ServerRace } from './server-race.ts';

export type { CompareFacts, FailoverMember } from './server-race.ts';

/** The options of `createFailoverConnector` as data: name, default, unit and text of each, to check them or to list them. */
export const failoverOptions = defineOptions({
  ...repetitionOptions.definitions,
  /** Says how an export differs from the first one. A server with a different export counts as one that cannot be used. @default no check */
  compare: option.callback<CompareFacts>({
    defaultText: 'no check',
    doc: 'Says how an export differs from the first one. A server with a different export counts as one that cannot be used.',
  }),
  /**
   * The next server joins in when the one before has not been connected to for this long, in milliseconds; the first that succeeds is used.
   *
   * @default 2000
   */
  nextServerMs: option.milliseconds({
    default: 2000,
    zero: 'all at once',
    doc: 'The next of several servers joins in when the one before has not been connected to for this long.',
  }),
  /** @default real time */
  clock: inlineOnlyOptions.definitions.clock,
  /** Returns numbers from 0 to 1 that spread the delays between attempts; 0.5 does not. @default Math.random */
  jitter: inlineOnlyOptions.definitions.jitter,
});

/** How several servers are tried. */
export interface FailoverOptions extends OptionsOf<typeof failoverOptions> {}

/**
 * Joins the connectors of several servers that have the same export. An attempt tries each server once: first the one that was connected
 * to last, at first the first one, then those after it, in a circle. The next one joins in when one has failed, or is slow. While a
 * connection to a server is open, further connections lead to the same server: a flush on one of them would not cover what went to another
 * server.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` without a server, or for an option that is unknown or wrong.
 */
export function createFailoverConnector(members: readonly FailoverMember[], options: FailoverOptions = {}): Connector {
  const { compare, nextServerMs, clock, jitter, ...repetition } = failoverOptions.resolve(
    'createFailoverConnector',
    options,
  );
  if (members.length === 0) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'createFailoverConnector: there is no server, expected one or several');
  }
  const servers = new ServerRace(members, { awaitExport: repetition.awaitExport, clock, compare, nextServerMs });
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
