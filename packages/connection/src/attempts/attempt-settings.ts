/** How attempts to connect to one endpoint are made and repeated. */
import type { Established } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';
import { connectEndpoint, createCommandOpener, type Endpoint, type TlsClientSettings } from '@nbdjs/transport';
import { withTrace } from '../diagnostics.ts';
import { nameOfEndpoint } from '../names.ts';
import { upgradeWith } from '../tls.ts';
import { type AttemptContext, attemptLoopOptions, negotiatingOptions } from './attempt-loop.ts';
import type { ConnectLoopOptions } from './connect-loop.ts';
import { openerSource } from './opener-source.ts';
import type { ServerSource } from './server-source.ts';

export const tlsOfAttempts = defineOptions({
  /**
   * How TLS is set up. Given without `handshake.tls`, it means that TLS is required. Files are read anew for each attempt.
   *
   * @default the client's folder, or the system's authorities, when `handshake.tls` asks for TLS
   */
  tls: option.object<TlsClientSettings>({
    defaultText: "the client's folder, or the system's authorities, when handshake.tls asks for TLS",
    doc: 'How TLS is set up. Given without handshake.tls, it means that TLS is required. Files are read anew for each attempt.',
  }),
});

/** How one server is reached: plain data, which can cross to another thread. */
export const attemptOptions = defineOptions({
  /** The server's address, or the command that it is. */
  endpoint: option.object<Endpoint>({ required: true, doc: "The server's address, or the command that it is." }),
  ...tlsOfAttempts.definitions,
  ...negotiatingOptions.definitions,
});

export interface AttemptOptions extends OptionsOf<typeof attemptOptions> {}

export interface AttemptSettings extends SettingsOf<typeof attemptOptions> {}

/** Returns the name of the server for error messages. */
export function nameOfSettings({ endpoint, handshake }: Pick<AttemptSettings, 'endpoint' | 'handshake'>): string {
  return nameOfEndpoint(endpoint, handshake.exportName, handshake.tls === 'require');
}

/** Returns a copy of the settings of attempts alone, which can be posted to another thread. */
export function plainSettings(settings: AttemptSettings): AttemptSettings {
  const own = attemptOptions.pick(settings) as AttemptSettings;
  return structuredClone({ ...own, handshake: { ...own.handshake, trace: undefined } });
}

/** An endpoint as attempts see it. */
export function endpointSource(endpoint: Endpoint, name: string): ServerSource {
  if (endpoint.type === 'command') return openerSource(createCommandOpener(endpoint), name);
  return {
    name,
    isSingle: endpoint.type === 'descriptor',
    connect: ({ signal, connectTimeoutMs }) => connectEndpoint(endpoint, { signal, connectTimeoutMs }),
  };
}

/** Joins settings and context to the options of a `ConnectLoop`. */
export function connectLoopOptions(
  settings: AttemptSettings,
  context: AttemptContext,
): ConnectLoopOptions<Established> {
  const { endpoint, tls } = settings;
  const { upgradeTls = upgradeWith(tls, endpoint) } = context;
  const source = endpointSource(endpoint, nameOfSettings(settings));
  return attemptLoopOptions(source, withTrace(settings), { ...context, upgradeTls });
}
