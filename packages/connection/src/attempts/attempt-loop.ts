/** The attempts to connect to one server, however it is reached: connect, negotiate, and keep the connection idle until it is taken. */
import { type AvoidableOption, type ClientHandshakeOptions, clientHandshakeOptions } from '@nbdjs/handshake';
import { type Clock, type Established, limits, type Trace } from '@nbdjs/interfaces';
import { defineOptions, option, type SettingsOf } from '@nbdjs/kit';
import type { ConnectionEvents } from '../events.ts';
import type { UpgradeTls } from '../negotiation/handshake-driver.ts';
import { negotiateIdle } from '../negotiation/negotiate.ts';
import type { ConnectLoopOptions } from './connect-loop.ts';
import { Ladder, type Step } from './ladder.ts';
import { repetitionOptions } from './repetition-options.ts';
import type { ServerSource } from './server-source.ts';

/** What is asked of a server, and for how long: options of attempts at every kind of server. */
export const negotiatingOptions = defineOptions({
  /** What to ask of the server. @default the defaults of `ClientHandshakeOptions` */
  handshake: option.object<ClientHandshakeOptions>({
    default: Object.freeze({}),
    defaultText: 'the defaults of ClientHandshakeOptions',
    doc: 'What to ask of the server.',
  }),
  /** Until the transport is connected, in milliseconds. @default `limits.connectMs` */
  connectTimeoutMs: option.milliseconds({
    default: limits.connectMs,
    zero: 'no time at all',
    doc: 'How long the transport may take to connect.',
  }),
  /** For the whole handshake, in milliseconds. @default `limits.handshakeMs` */
  handshakeTimeoutMs: option.milliseconds({
    default: limits.handshakeMs,
    zero: 'no time at all',
    doc: 'How long the whole handshake may take.',
  }),
  ...repetitionOptions.definitions,
});

export interface NegotiatingSettings extends SettingsOf<typeof negotiatingOptions> {}

/** What belongs to the thread that makes the attempts, and cannot be posted to another one. */
export interface AttemptContext {
  readonly clock: Clock;
  readonly jitter?: (() => number) | undefined;
  /** @default TLS is not available */
  readonly upgradeTls?: UpgradeTls | undefined;
  /** Where the events of the attempts are published. */
  readonly trace: Trace<ConnectionEvents>;
  readonly waiting?: ((on: boolean) => void) | undefined;
}

/** How long an aborted handshake may go on until a last message can be sent to the server, in milliseconds. */
const leaveMs = 250;

/** Joins a server, settings and context to the options of a `ConnectLoop`. */
export function attemptLoopOptions(
  source: ServerSource,
  settings: NegotiatingSettings,
  context: AttemptContext,
): ConnectLoopOptions<Established> {
  const { handshake, connectTimeoutMs, handshakeTimeoutMs: timeoutMs } = settings;
  const { clock, upgradeTls } = context;
  const { name } = source;
  const ladder = ladderFor(handshake, name, context.trace, settings.openTimeoutMs > 0);
  return {
    ...settings,
    ...context,
    name,
    async attempt(signal) {
      const connectAndNegotiate = async (avoid: readonly AvoidableOption[]) => {
        const channel = await source.connect({ signal, connectTimeoutMs, clock });
        return await negotiateIdle(
          channel,
          { ...handshake, avoid },
          { signal, timeoutMs, leaveMs, upgradeTls, name, clock },
        );
      };
      return source.isSingle
        ? await connectAndNegotiate(handshake.avoid ?? [])
        : await ladder.descend(connectAndNegotiate);
    },
  };
}

/** @throws UsageError `ERR_NBD_ARGUMENT` naming the option of the handshake that is unknown or wrong. */
export function checkHandshake(caller: string, handshake: ClientHandshakeOptions): void {
  clientHandshakeOptions.resolve(`${caller}: handshake`, handshake);
}

/** Makes a ladder that reports its steps. */
export function ladderFor(
  { avoid }: ClientHandshakeOptions,
  endpoint: string,
  trace: Trace<ConnectionEvents>,
  isPatient: boolean,
): Ladder {
  const report = (step: Step): void => {
    if (trace.enabled) trace.emit('downgraded', { endpoint, ...step });
  };
  return new Ladder(avoid, report, isPatient);
}
