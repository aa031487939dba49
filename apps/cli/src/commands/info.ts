/** `nbd info`: what a server and its exports are like. Options and output are nbdinfo's. */
import { type ExportFacts, ProtocolError, TimeoutError, UsageError } from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import { encodeName, formatUri, parseUri, quoted } from '@nbdjs/protocol';
import type { ServerWords } from '../arguments/server.ts';
import { oneLine } from '../failure.ts';
import type { ServerOperand } from '../open.ts';
import { type ExportView, listJson, listText } from '../render/export.ts';
import type { Terminal } from '../terminal.ts';
import { probeContent } from './content.ts';
import { type Feature, featureOf } from './features.ts';
import { leaving } from './leave-taking.ts';
import { map } from './map.ts';
import { isRefusal, Visit } from './visit.ts';

export interface InfoOptions extends ServerWords {
  readonly json: boolean;
  readonly size: boolean;
  readonly uri: boolean;
  readonly list: boolean;
  readonly totals: boolean;
  /** A metadata context. */
  readonly map?: string | undefined;
  readonly can?: { readonly feature: string; readonly negated: boolean } | undefined;
  /** Look at the first bytes with `file`. @default yes, except for lists */
  readonly content?: boolean | undefined;
  readonly colour?: boolean | undefined;
}

/** Exit code of `--can` and its kin when the answer is no. */
const exitNo = 2;

export async function info(server: ServerOperand, options: InfoOptions, terminal: Terminal): Promise<number> {
  requireCompatible(options);
  const feature = options.can === undefined ? undefined : requireFeature(options.can);
  if (options.map !== undefined) return map(server, { ...options, context: options.map }, terminal);
  const isAboutExport = !options.list && !options.uri;
  await using visit = await Visit.begin(server, options, terminal, { awaitsExport: isAboutExport });
  const { exportName } = visit;
  if (feature !== undefined) {
    const answer = await feature(visit.protocol, () => settledFacts(visit, exportName, terminal));
    return answer !== options.can?.negated ? 0 : exitNo;
  }
  if (options.size) {
    const { size } = await settledFacts(visit, exportName, terminal);
    await terminal.print(`${size}\n`);
    return 0;
  }
  if (options.uri) return await uri(server, exportName, options, terminal);
  return options.list
    ? await list(visit, server, options, terminal)
    : await one(visit, server, exportName, options, terminal);
}

function requireCompatible(options: InfoOptions): void {
  const modes = [
    options.list && '--list',
    options.map !== undefined && '--map',
    options.size && '--size',
    options.uri && '--uri',
    options.can !== undefined && `--can`,
  ].filter((mode) => mode !== false);
  if (modes.length > 1) throw new UsageError('ERR_NBD_ARGUMENT', `${modes.join(' and ')} cannot be used together`);
  if (options.totals && options.map === undefined) throw new UsageError('ERR_NBD_ARGUMENT', '--totals needs --map');
}

function requireFeature({ feature, negated }: NonNullable<InfoOptions['can']>): Feature {
  const known = featureOf(feature);
  if (known !== undefined) return known;
  const options = negated ? '--cannot/--isnt/--hasnt' : '--can/--is/--has';
  throw new UsageError('ERR_NBD_ARGUMENT', `unknown ${options} option: ${feature}`);
}

/**
 * Facts that hold. A size of 0 is what nbd-server says of every export that is not opened, even of those that it would not
 * open: then it has to be opened.
 */
async function settledFacts(visit: Visit, exportName: string, { signal }: Terminal): Promise<ExportFacts> {
  const told = await visit.info(exportName);
  if (told !== undefined && told.size > 0n) return told;
  const client = await visit.open(exportName);
  await using _ = leaving(client, signal);
  return { ...told, ...client.facts };
}

/** Of a server that is there; nothing is said about whether it has the export. */
async function uri(
  server: ServerOperand,
  exportName: string,
  options: InfoOptions,
  terminal: Terminal,
): Promise<number> {
  const text = uriOf(server, exportName);
  if (text === undefined) throw new UsageError('ERR_NBD_ARGUMENT', '--uri: a command has no URI');
  await terminal.print(options.json ? `${JSON.stringify(text)}\n` : `${text}\n`);
  return 0;
}

async function one(
  visit: Visit,
  server: ServerOperand,
  exportName: string,
  options: InfoOptions,
  terminal: Terminal,
): Promise<number> {
  const entry = { name: exportName, description: '' };
  const view = await look(visit, server, entry, options.content ?? true, terminal);
  // Nothing is known of it that would be worth printing.
  if (view.facts === undefined) throw view.error;
  const format = formatOf(visit, options, terminal);
  await terminal.print(format.begin() + format.add(view) + format.end());
  return view.error === undefined ? 0 : 1;
}

/** Prints each export as soon as it is known. */
async function list(visit: Visit, server: ServerOperand, options: InfoOptions, terminal: Terminal): Promise<number> {
  const entries = await visit.list();
  const format = formatOf(visit, options, terminal);
  await terminal.print(format.begin());
  let exitCode = 0;
  for (const entry of entries) {
    const view = await look(visit, server, entry, options.content ?? false, terminal);
    if (view.error !== undefined) exitCode = 1;
    // Of those that are half known it has been told already.
    if (view.error !== undefined && (view.facts === undefined || entry.fault !== undefined))
      complain(view.error, terminal);
    await terminal.print(format.add(view));
  }
  await terminal.print(format.end());
  return exitCode;
}

function complain(error: Error, terminal: Terminal): void {
  terminal.note(`${terminal.colours('stderr').red('nbd:')} ${oneLine(error)}`);
}

function formatOf(visit: Visit, { json, colour }: InfoOptions, terminal: Terminal) {
  return json ? listJson(visit.protocol) : listText(visit.protocol, terminal.colours('stdout', colour));
}

/** Everything that is shown of one export: what could be found out, and the error if that is not all. */
async function look(
  visit: Visit,
  server: ServerOperand,
  entry: ExportEntry,
  wantsContent: boolean,
  terminal: Terminal,
): Promise<ExportView> {
  const { signal } = terminal;
  const { name, fault } = entry;
  const misnamed = fault === undefined ? undefined : namingError(visit, name, fault);
  if (misnamed !== undefined && !canTravel(name)) return { name, error: misnamed };
  let facts: ExportFacts | undefined;
  let size: bigint | undefined;
  let contexts: readonly string[] | undefined;
  let content: string | undefined;
  let error: Error | undefined;
  try {
    facts = await visit.info(name);
    contexts = await visit.contexts(name);
    if (facts !== undefined && facts.size > 0n) size = facts.size;
    if (wantsContent || size === undefined) {
      const client = await visit.open(name);
      await using _ = leaving(client, signal);
      facts = { ...facts, ...client.facts };
      size = facts.size;
      if (wantsContent) content = await probeContent(client, signal);
    }
  } catch (reason) {
    if (signal.aborted || !(reason instanceof Error)) throw reason;
    error = reason;
    // What INFO has told is void when the export cannot be opened.
    if (isRefusal(reason)) facts = undefined;
    if (facts !== undefined) complain(reason, terminal);
    // A server that is busy with others tells all the same what there is to know, except for the content.
    if (size !== undefined && reason instanceof TimeoutError) error = undefined;
  }
  return {
    name: facts?.canonicalName ?? name,
    description: entry.description === '' ? facts?.description : entry.description,
    uri: uriOf(server, name),
    content,
    contexts,
    facts,
    size,
    error: error ?? misnamed,
  };
}

/** What is wrong with an export that can be had all the same. */
function namingError(visit: Visit, name: string, fault: string): ProtocolError {
  const message = `${visit.name}: the name of export ${quoted(name)} ${fault}`;
  return new ProtocolError('export-name', message, { phase: 'option', rule: 'G2' });
}

/** Whether an export can be asked for by a name that breaks the rules. */
function canTravel(name: string): boolean {
  try {
    encodeName(name);
    return true;
  } catch {
    return false;
  }
}

/** The URI of an export of the same server, in a canonical form. A command has none. */
function uriOf(server: ServerOperand, exportName: string): string | undefined {
  if (server.type === 'command') return undefined;
  return formatUri({ ...parseUri(server.uri), exportName }, { complete: true });
}
