/** What the caller asks for in a handshake, and the defaults for the rest. */
import { baseAllocation, type HeaderMode, limits, silent, type Trace, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, optionGroup, type SettingsOf } from '@nbdjs/kit';
import { encodeName, encodeText, HandshakeFlag, Option, options as optionNames, quoted } from '@nbdjs/protocol';
import { contextsMax } from '../contexts-max.ts';
import type { HandshakeEvents } from '../events.ts';

/** Options that a handshake can do without, by their names in the specification. */
export const avoidableOptions = [
  'EXTENDED_HEADERS',
  'STRUCTURED_REPLY',
  'LIST_META_CONTEXT',
  'SET_META_CONTEXT',
  'INFO',
  'GO',
] as const;

/** The name of an option that a handshake can do without: one of `avoidableOptions`. */
export type AvoidableOption = (typeof avoidableOptions)[number];

const kibi = 2 ** 10;

/** Bounds for what the server sends. */
export const handshakeLimits = defineOptions({
  /** Payload of one option reply, in bytes. @default 65536 */
  optionReplyBytesMax: option.bytes({ default: 64 * kibi, doc: 'Payload of one option reply.' }),
  /** Option replies to one option, list entries aside. @default 4096 */
  optionRepliesMax: option.count({
    default: 4096,
    doc: 'Option replies to one option, list entries aside.',
  }),
  /** Exports in one list. @default 100000 */
  listEntriesMax: option.count({ default: limits.listEntriesMax, doc: 'Exports in one list.' }),
  /** Names and descriptions of one list together, in bytes. @default 16 MiB */
  listBytesMax: option.bytes({
    default: limits.listBytesMax,
    doc: 'Names and descriptions of one list together.',
  }),
  /** Metadata contexts in one selection or list. @default 1024 */
  contextsMax,
});

/** Limits that differ from their defaults. */
export interface HandshakeLimitOptions extends OptionsOf<typeof handshakeLimits> {}

/** The bounds for what the server sends, with all defaults filled in. */
export interface HandshakeLimits extends SettingsOf<typeof handshakeLimits> {}

/** What a handshake asks for. */
export const clientHandshakeOptions = defineOptions({
  /** The export to use; empty for the server's default. @default '' */
  exportName: option.text({ default: '', doc: "The export to use; empty for the server's default." }),
  /** Ask for this mode at most. @default 'extended' */
  mode: option.oneOf<HeaderMode>(['simple', 'structured', 'extended'], {
    default: 'extended',
    doc: 'Ask for this mode at most.',
  }),
  /** Metadata contexts to select on the way to transmission. @default ['base:allocation'] */
  contexts: option.texts({
    default: Object.freeze([baseAllocation]),
    doc: 'Metadata contexts to select on the way to transmission; those that the server lacks are left out.',
  }),
  /** Select all contexts that the server lists for the export as well, to pass them on to other clients. @default false */
  allContexts: option.boolean({
    default: false,
    doc: 'Select all contexts that the server lists for the export as well, to pass them on to other clients.',
  }),
  /** Ask for the export's canonical name and description too. @default false */
  fullInfo: option.boolean({
    default: false,
    doc: "Ask for the export's canonical name and description too.",
  }),
  /** Ask for block sizes, which the client then has to respect. @default true */
  requestBlockSizes: option.boolean({
    default: true,
    doc: 'Ask for block sizes, which the client then has to respect.',
  }),
  /**
   * `off`: never ask for TLS. `allow`: use it when the server can, else go on in clear text.
   * `require`: without TLS, fail. In option mode, `off` leaves `startTls()` to the caller. @default 'off'
   */
  tls: option.oneOf(['off', 'allow', 'require'], {
    default: 'off',
    doc: 'off: never ask for TLS. allow: use it when the server can, else go on in clear text. require: without TLS, fail.',
  }),
  /** Handshake flags that may be agreed on (see `HandshakeFlag`). @default both */
  handshakeFlags: option.checked<number>(optionChecks.number, {
    default: HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes,
    defaultText: 'both',
    doc: 'Handshake flags that may be agreed on.',
  }),
  /** Stop when options can be sent, and leave the next options to the caller. @default false */
  optionMode: option.boolean({
    default: false,
    doc: 'Stop when options can be sent, and leave the next options to the caller.',
  }),
  /** Options of the protocol that are not sent, because the server fails at them. @default none */
  avoid: option.checked<readonly AvoidableOption[]>(optionChecks.texts, {
    default: Object.freeze([]),
    defaultText: 'none',
    doc: 'Options of the protocol that are not sent, because the server fails at them.',
  }),
  /** Bounds for what the server sends. */
  limits: optionGroup(handshakeLimits, { doc: 'Bounds for what the server sends.' }),
  /** Where events are published, see `docs/events.md`. @default nowhere */
  trace: option.object<Trace<HandshakeEvents>>({
    default: silent,
    defaultText: 'nowhere',
    doc: 'Where events are published.',
  }),
});

/** What a client asks for in its handshake. Options that are left out have their defaults. */
export interface ClientHandshakeOptions extends OptionsOf<typeof clientHandshakeOptions> {}

/** The same with all defaults filled in, and the options to avoid as numbers. */
export interface HandshakeSettings extends Omit<SettingsOf<typeof clientHandshakeOptions>, 'avoid'> {
  /** Numbers of options. */
  readonly avoid: ReadonlySet<number>;
}

/**
 * Fills in the defaults.
 *
 * @throws UsageError for an option that is unknown or wrong, a name that cannot be sent, or a malformed name of a context.
 */
export function resolveOptions(options: ClientHandshakeOptions): HandshakeSettings {
  const settings = clientHandshakeOptions.resolve('ClientHandshake', options);
  encodeName(settings.exportName);
  return { ...settings, contexts: checkQueries(settings.contexts), avoid: numbersOf(settings.avoid) };
}

function numbersOf(avoid: readonly AvoidableOption[]): ReadonlySet<number> {
  for (const name of avoid) {
    if (avoidableOptions.includes(name)) continue;
    const message = `option ${quoted(String(name))} cannot be avoided (expected ${avoidableOptions.join(', ')})`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const avoided: readonly string[] = avoid;
  return new Set(Object.values(Option).filter((option) => avoided.includes(optionNames.name(option))));
}

/** Whether a context can be asked for by a name. */
export function isQuery(name: string): boolean {
  return /^[^\s\p{Cc}:]+:/u.test(name);
}

/**
 * Checks queries for metadata contexts (C32: a printable namespace, a colon, a leaf) and drops repetitions.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT`.
 */
export function checkQueries(queries: readonly string[]): readonly string[] {
  for (const query of queries) {
    if (!isQuery(query)) {
      const message = `metadata context ${quoted(query)} is no valid name: expected NAMESPACE:LEAF`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    encodeText(query, 'metadata context');
  }
  return [...new Set(queries)];
}
