/** Facts about a server and its exports, as text and as JSON with nbdinfo's keys. */
import type { ExportFacts, HandshakeStyle, HeaderMode } from '@nbdjs/interfaces';
import { sizeMax } from '@nbdjs/interfaces';
import { TransmissionFlag } from '@nbdjs/protocol';
import type { Colours } from './colours.ts';
import type { JsonValue } from './exact-json.ts';
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
  readonly facts: ExportFacts;
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

export function protocolJson({ style, mode, tls }: ProtocolView): Record<string, JsonValue> {
  return { protocol: style, TLS: tls, structured: mode !== 'simple', extended: mode === 'extended' };
}

export function protocolText({ style, mode, tls }: ProtocolView, colours: Colours): string {
  return `${colours.dim(`protocol: ${style} ${tls ? 'with' : 'without'} TLS, using ${mode} packets`)}\n`;
}

export function exportJson(view: ExportView): Record<string, JsonValue | undefined> {
  const { facts } = view;
  const has = (flag: number): boolean => (facts.transmissionFlags & flag) !== 0;
  const { blockSizes } = facts;
  return {
    'export-name': view.name,
    description: view.description === '' ? undefined : view.description,
    content: view.content,
    uri: view.uri,
    contexts: view.contexts,
    is_rotational: has(TransmissionFlag.Rotational),
    is_read_only: has(TransmissionFlag.ReadOnly),
    ...Object.fromEntries(abilities.map(([key, flag]) => [key, has(flag)])),
    block_size_minimum: blockSizes?.minimum,
    block_size_preferred: blockSizes?.preferred,
    block_size_maximum: blockSizes?.maximum,
    'export-size': facts.size <= sizeMax ? facts.size : undefined,
    'export-size-str': exactSize(facts.size),
  };
}

export function exportText(view: ExportView, colours: Colours): string {
  const { facts } = view;
  const has = (flag: number): boolean => (facts.transmissionFlags & flag) !== 0;
  const lines: string[] = [colours.bold(`export="${printable(view.name.replace(/["\\]/g, '\\$&'))}":`)];
  const add = (key: string, value: string, paint = colours.reset): void => void lines.push(paint(`\t${key}: ${value}`));
  if (view.description) add('description', printable(view.description), colours.bold);
  add('export-size', withHumanSize(facts.size), colours.bold);
  if (view.content) add('content', view.content, colours.bold);
  if (view.uri) add('uri', view.uri, colours.bold);
  if (view.contexts !== undefined) {
    lines.push(colours.dim('\tcontexts:'), ...view.contexts.map((context) => colours.dim(`\t\t${printable(context)}`)));
  }
  add('is_rotational', String(has(TransmissionFlag.Rotational)), colours.dim);
  add('is_read_only', String(has(TransmissionFlag.ReadOnly)));
  for (const [key, flag] of abilities) add(key, String(has(flag)), has(flag) ? colours.green : colours.red);
  if (facts.blockSizes !== undefined) {
    add('block_size_minimum', withHumanSize(BigInt(facts.blockSizes.minimum)));
    add('block_size_preferred', withHumanSize(BigInt(facts.blockSizes.preferred)));
    add('block_size_maximum', withHumanSize(BigInt(facts.blockSizes.maximum)));
  }
  return `${lines.join('\n')}\n`;
}

/** `1048576 (1M)`, or the plain number when it is no multiple of 1024. */
function withHumanSize(size: bigint): string {
  const human = exactSize(size);
  return human === size.toString() ? human : `${size} (${human})`;
}
