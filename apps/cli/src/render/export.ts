/** Facts about a server and its exports, as text and as JSON with nbdinfo's keys. */
import { TransmissionFlag } from '@nbdjs/client';
import type { ExportFacts, HandshakeStyle, HeaderMode } from '@nbdjs/interfaces';
import { sizeMax } from '@nbdjs/interfaces';
import { oneLine } from '../errors/one-line.ts';
import type { Colours } from './colours.ts';
import { exactJson, type JsonValue } from './exact-json.ts';
import { exactSize } from './human-size.ts';
import { printable } from './printable.ts';

export interface ProtocolView {
  readonly style: HandshakeStyle;
  readonly mode: HeaderMode;
  readonly tls: boolean;
}

export interface ExportView {
  readonly name: string;
  readonly description?: string | undefined;
  readonly uri?: string | undefined;
  readonly content?: string | undefined;
  readonly contexts?: readonly string[] | undefined;
  /** `undefined` for an export that the server lists and then refuses. */
  readonly facts?: ExportFacts | undefined;
  /** `undefined` where it could not be found out, even if the facts have a size. */
  readonly size?: bigint | undefined;
  /** Why not everything is known, or what is wrong with it besides. */
  readonly error?: Error | undefined;
}

/** Texts that are to be printed one after the other, so that long lists need no memory. */
export interface ListFormat {
  begin(): string;
  add(view: ExportView): string;
  end(): string;
}

/** What an export can do, by nbdinfo's keys and in its order. */
const abilities: readonly (readonly [key: string, flag: number])[] = [
  ['can_block_status_payload', TransmissionFlag.BlockStatusPayload],
  ['can_cache', TransmissionFlag.SendCache],
  ['can_df', TransmissionFlag.SendDf],
  ['can_fast_zero', TransmissionFlag.SendFastZero],
  ['can_flush', TransmissionFlag.SendFlush],
  ['can_fua', TransmissionFlag.SendFua],
  ['can_multi_conn', TransmissionFlag.CanMultiConn],
  ['can_trim', TransmissionFlag.SendTrim],
  ['can_zero', TransmissionFlag.SendWriteZeroes],
];

/** nbdinfo's JSON: facts about the connection, and the exports in a list. */
export function listJson({ style, mode, tls }: ProtocolView): ListFormat {
  const head = { protocol: style, TLS: tls, structured: mode !== 'simple', extended: mode === 'extended' };
  let count = 0;
  return {
    // The list is the last member: the text around it is cut out of the JSON with an empty list.
    begin: () => exactJson({ ...head, exports: [] }).replace(/\]\n\}$/, ''),
    add: (view) => `${count++ === 0 ? '' : ','}\n    ${exactJson(exportJson(view), '    ')}`,
    end: () => (count === 0 ? ']\n}\n' : '\n  ]\n}\n'),
  };
}

export function listText({ style, mode, tls }: ProtocolView, colours: Colours): ListFormat {
  return {
    begin: () => `${colours.dim(`protocol: ${style} ${tls ? 'with' : 'without'} TLS, using ${mode} packets`)}\n`,
    add: (view) => exportText(view, colours),
    end: () => '',
  };
}

function exportJson(view: ExportView): Record<string, JsonValue | undefined> {
  const { facts, error, size } = view;
  const head = {
    'export-name': view.name,
    description: view.description === '' ? undefined : view.description,
    content: view.content,
    uri: view.uri,
    contexts: view.contexts,
  };
  const tail = { error: error && reason(error) };
  if (facts === undefined) return { ...head, ...tail };
  const has = (flag: number): boolean => (facts.transmissionFlags & flag) !== 0;
  const { blockSizes } = facts;
  return {
    ...head,
    is_rotational: has(TransmissionFlag.Rotational),
    is_read_only: has(TransmissionFlag.ReadOnly),
    ...Object.fromEntries(abilities.map(([key, flag]) => [key, has(flag)])),
    block_size_minimum: blockSizes?.minimum,
    block_size_preferred: blockSizes?.preferred,
    block_size_maximum: blockSizes?.maximum,
    'export-size': size !== undefined && size <= sizeMax ? size : undefined,
    'export-size-str': size === undefined ? 'unknown' : exactSize(size),
    ...tail,
  };
}

function exportText(view: ExportView, colours: Colours): string {
  const { facts, error, size } = view;
  const lines: string[] = [colours.bold(`export="${printable(view.name.replace(/["\\]/g, '\\$&'))}":`)];
  const add = (key: string, value: string, paint = colours.reset): void => void lines.push(paint(`\t${key}: ${value}`));
  if (view.description) add('description', printable(view.description), colours.bold);
  if (facts !== undefined) add('export-size', size === undefined ? 'unknown' : withHumanSize(size), colours.bold);
  if (view.content) add('content', view.content, colours.bold);
  if (view.uri) add('uri', view.uri, colours.bold);
  if (view.contexts !== undefined && facts !== undefined) {
    lines.push(colours.dim('\tcontexts:'), ...view.contexts.map((context) => colours.dim(`\t\t${printable(context)}`)));
  }
  if (facts !== undefined) addFacts(facts, add, colours);
  if (error !== undefined) add('error', reason(error), colours.red);
  return `${lines.join('\n')}\n`;
}

function addFacts(
  facts: ExportFacts,
  add: (key: string, value: string, paint?: Colours['reset']) => void,
  colours: Colours,
): void {
  const has = (flag: number): boolean => (facts.transmissionFlags & flag) !== 0;
  add('is_rotational', String(has(TransmissionFlag.Rotational)), colours.dim);
  add('is_read_only', String(has(TransmissionFlag.ReadOnly)));
  for (const [key, flag] of abilities) add(key, String(has(flag)), has(flag) ? colours.green : colours.red);
  if (facts.blockSizes === undefined) return;
  add('block_size_minimum', withHumanSize(BigInt(facts.blockSizes.minimum)));
  add('block_size_preferred', withHumanSize(BigInt(facts.blockSizes.preferred)));
  add('block_size_maximum', withHumanSize(BigInt(facts.blockSizes.maximum)));
}

/** What went wrong, without the server's name: the list says whose it is. */
function reason(error: Error): string {
  return oneLine(error).replace(/^(?:nbds?(?:\+[a-z]+)?:\S*|\[ .*? \]): /, '');
}

/** `1048576 (1M)`, or the plain number when it is no multiple of 1024. */
function withHumanSize(size: bigint): string {
  const human = exactSize(size);
  return human === size.toString() ? human : `${size} (${human})`;
}
