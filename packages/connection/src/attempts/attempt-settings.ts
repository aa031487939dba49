/** How attempts to connect to one server are made and repeated. */
import type { AvoidableOption, ClientHandshakeOptions } from '@nbdjs/handshake';
import { type Clock, type Established, limits, type Trace } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { connectEndpoint, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import { handshakeTrace } from '../diagnostics.ts';
import type { ConnectionEvents } from '../events.ts';
import { nameOfEndpoint } from '../names.ts';
import type { UpgradeTls } from '../negotiation/handshake-driver.ts';
import { negotiateIdle } from '../negotiation/negotiate.ts';
import { upgradeWith } from '../tls.ts';
import type { ConnectLoopOptions } from './connect-loop.ts';
import { Ladder, type Step } from './ladder.ts';
import { repetitionOptions } from './repetition-options.ts';

/** How one server is reached: plain data, which can cross to another thread. */
export const attemptOptions = defineOptions({
  /** The server's address, or the command that it is. */
  endpoint: option.object<Endpoint>({ required: true, doc: "The server's address, or the command that it is." }),
  /** What to ask of the server. @default the defaults of `ClientHandshakeOptions` */
  handshake: option.object<ClientHandshakeOptions>({
    default: Object.freeze({}),
    defaultText: 'the defaults of ClientHandshakeOptions',
    doc: 'What to ask of the server.',
  }),
  /**
   * How TLS is set up. Given without `handshake.tls`, it means that TLS is required. Files are read anew for each attempt.
   *
   * @default the client's folder, or the system's authorities, when `handshake.tls` asks for TLS
   */
  tls: option.object<TlsClientSettings>({
    defaultText: "the client's folder, or the system's authorities, when handshake.tls asks for TLS",
    doc: 'How TLS is set up. Given without handshake.tls, it means that TLS is required. Files are read anew for each attempt.',
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

export interface AttemptOptions extends OptionsOf<typeof attemptOptions> {}

export interface AttemptSettings extends SettingsOf<typeof attemptOptions> {}

/** What belongs to the thread that makes the attempts, and cannot be posted to another one. */
export interface AttemptContext {
  readonly clock: Clock;
  readonly jitter?: (() => number) | undefined;
  readonly upgradeTls?: UpgradeTls | undefined;
  /** Where the events of the attempts are published. */
  readonly trace: Trace<ConnectionEvents>;
  readonly waiting?: ((on: boolean) => void) | undefined;
}

/** How long an aborted handshake may go on until a last message can be sent to the server, in milliseconds. */
const leaveMs = 250;

/** Returns the name of the server for error messages. */
export function nameOfSettings({ endpoint, handshake }: Pick<AttemptSettings, 'endpoint' | 'handshake'>): string {
  return nameOfEndpoint(endpoint, handshake.exportName, handshake.tls === 'require');
}

/** Returns a copy of the settings of attempts alone, which can be posted to another thread. */
export function plainSettings(settings: AttemptSettings): AttemptSettings {
  const own = attemptOptions.pick(settings) as AttemptSettings;
  return structuredClone({ ...own, handshake: { ...own.handshake, trace: undefined } });
}

/** Joins settings and context: an attempt connects, negotiates, and keeps the connection idle until it is taken. */
export function connectLoopOptions(
  settings: AttemptSettings,
  context: AttemptContext,
): ConnectLoopOptions<Established> {
  const { endpoint, handshake, tls, connectTimeoutMs, handshakeTimeoutMs: timeoutMs } = settings;
  const { trace = handshakeTrace } = handshake;
  const { clock, upgradeTls = upgradeWith(tls, endpoint) } = context;
  const name = nameOfSettings(settings);
  const ladder = ladderFor(handshake, name, context.trace, settings.openTimeoutMs > 0);
  return {
    ...settings,
    ...context,
    name,
    async attempt(signal) {
      const connectAndNegotiate = async (avoid: readonly AvoidableOption[]) => {
        const channel = await connectEndpoint(endpoint, { signal, connectTimeoutMs });
        const options = { signal, timeoutMs, leaveMs, upgradeTls, name, clock };
        return await negotiateIdle(channel, { ...handshake, avoid, trace }, options);
      };
      // An inherited descriptor is one connection; a second attempt could not make another one.
      if (endpoint.type === 'descriptor') return await connectAndNegotiate(handshake.avoid ?? []);
      return await ladder.descend(connectAndNegotiate);
    },
  };
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
