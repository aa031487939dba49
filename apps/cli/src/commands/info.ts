/** `nbd info`: what a server and its exports are like. Options and output are nbdinfo's. */
import { resolveTarget } from '@nbdjs/client';
import type { Negotiation } from '@nbdjs/connection';
import { totalExtents, walkExtents } from '@nbdjs/copy';
import { type ExportFacts, NegotiationError, UsageError } from '@nbdjs/interfaces';
import type { ExportEntry, NbdUri } from '@nbdjs/protocol';
import { formatUri, parseUri } from '@nbdjs/protocol';
import type { ServerWords } from '../arguments/server.ts';
import { openServer, openTalk, type ServerOperand, targetOf } from '../open.ts';
import { exactJson } from '../render/exact-json.ts';
import { type ExportView, exportJson, exportText, protocolJson, protocolText } from '../render/export.ts';
import { mapJson, mapText, totalsJson, totalsText } from '../render/map.ts';
import type { Terminal } from '../terminal.ts';
import { probeContent } from './content.ts';
import { type FeatureTest, featureOf } from './features.ts';

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
  const test = options.can === undefined ? undefined : requireFeature(options.can);
  if (options.map !== undefined) return map(server, options.map, options, terminal);
  const { exportName } = resolveTarget(targetOf(server));
  const isPatient = options.retries > 0 && !options.list;
  const probe = isPatient ? (talk: Negotiation) => knows(talk, exportName) : undefined;
  const negotiation = await openTalk(server, options, terminal, probe);
  try {
    if (test !== undefined) return await can(negotiation, exportName, test, options.can?.negated === true);
    if (options.size) return await size(negotiation, exportName, terminal);
    if (options.uri) return await uri(negotiation, server, exportName, options, terminal);
    return options.list
      ? await list(negotiation, server, options, terminal)
      : await one(negotiation, server, exportName, options, terminal);
  } finally {
    await negotiation.abort().catch(() => {});
    negotiation.close();
  }
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

function requireFeature({ feature, negated }: NonNullable<InfoOptions['can']>): FeatureTest {
  const test = featureOf(feature);
  if (test === undefined) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `unknown ${negated ? '--cannot/--isnt/--hasnt' : '--can/--is/--has'} option: ${feature}`,
    );
  }
  return test;
}

/** Fails if the server can tell that it has no such export. */
async function knows(negotiation: Negotiation, exportName: string): Promise<void> {
  if (negotiation.style === 'newstyle') return;
  await negotiation.info(exportName).catch((error: unknown) => {
    if (!(error instanceof NegotiationError && error.code === 'ERR_NBD_OPTION_UNSUPPORTED')) throw error;
  });
}

/** Facts of an export, which has to be opened where the server does not tell them otherwise. */
async function factsOf(negotiation: Negotiation, exportName: string): Promise<ExportFacts> {
  // The plain newstyle handshake has no option but to open an export.
  if (negotiation.style === 'newstyle') return factsByOpening(negotiation, exportName);
  try {
    return await negotiation.info(exportName);
  } catch (error) {
    if (!(error instanceof NegotiationError && error.code === 'ERR_NBD_OPTION_UNSUPPORTED')) throw error;
    return factsByOpening(negotiation, exportName);
  }
}

/** The negotiation is done with afterwards. */
async function factsByOpening(negotiation: Negotiation, exportName: string): Promise<ExportFacts> {
  const { channel, facts } = await negotiation.go(exportName);
  channel.destroy();
  return facts;
}

async function can(negotiation: Negotiation, exportName: string, test: FeatureTest, negated: boolean): Promise<number> {
  const answer = test(await factsOf(negotiation, exportName));
  return answer !== negated ? 0 : exitNo;
}

async function size(negotiation: Negotiation, exportName: string, terminal: Terminal): Promise<number> {
  const facts = await factsOf(negotiation, exportName);
  // nbd-server tells the size only to those who open the export.
  const isUntold = facts.size === 0n && negotiation.style === 'newstyle-fixed';
  const { size: known } = isUntold ? await factsByOpening(negotiation, exportName) : facts;
  await terminal.print(`${known}\n`);
  return 0;
}

async function uri(
  negotiation: Negotiation,
  server: ServerOperand,
  exportName: string,
  options: InfoOptions,
  terminal: Terminal,
): Promise<number> {
  await factsOf(negotiation, exportName);
  const text = uriOf(server, exportName);
  if (text === undefined) throw new UsageError('ERR_NBD_ARGUMENT', '--uri: a command has no URI');
  await terminal.print(options.json ? `${JSON.stringify(text)}\n` : `${text}\n`);
  return 0;
}

async function one(
  negotiation: Negotiation,
  server: ServerOperand,
  exportName: string,
  options: InfoOptions,
  terminal: Terminal,
): Promise<number> {
  const view = await look(
    negotiation,
    server,
    { name: exportName, description: '' },
    options.content ?? true,
    options,
    terminal,
  );
  await print(negotiation, view === undefined ? [] : [view], options, terminal);
  return 0;
}

async function list(
  negotiation: Negotiation,
  server: ServerOperand,
  options: InfoOptions,
  terminal: Terminal,
): Promise<number> {
  const entries = await negotiation.list();
  const views: ExportView[] = [];
  let exitCode = 0;
  for (const entry of entries) {
    terminal.signal.throwIfAborted();
    try {
      views.push(await look(negotiation, server, entry, options.content ?? false, options, terminal));
    } catch (error) {
      if (!(error instanceof NegotiationError)) throw error;
      // One export that is announced and then refused does not hide the others.
      terminal.note(`nbd: ${error.message}`);
      exitCode = 1;
    }
  }
  await print(negotiation, views, options, terminal);
  return exitCode;
}

/** Everything that is shown of one export. */
async function look(
  negotiation: Negotiation,
  server: ServerOperand,
  entry: ExportEntry,
  wantsContent: boolean,
  options: InfoOptions,
  terminal: Terminal,
): Promise<ExportView> {
  let facts = await factsOf(negotiation, entry.name);
  const contexts = await contextsOf(negotiation, entry.name);
  let content: string | undefined;
  if (wantsContent || facts.size === 0n) {
    const client = await openServer(server, options, terminal, { exportName: entry.name, contexts: [] }).catch(
      (error: unknown) => {
        // A server that takes one client at a time is busy with us.
        if (terminal.signal.aborted) throw error;
        return undefined;
      },
    );
    if (client !== undefined) {
      if (facts.size === 0n) facts = { ...facts, size: client.facts.size };
      if (wantsContent) content = await probeContent(client, terminal.signal);
      await client.close();
    }
  }
  return {
    name: facts.canonicalName ?? entry.name,
    description: entry.description === '' ? facts.description : entry.description,
    uri: uriOf(server, entry.name),
    content,
    contexts,
    facts,
  };
}

/** The contexts that can be had, or nothing where that cannot be asked. */
async function contextsOf(negotiation: Negotiation, exportName: string): Promise<readonly string[] | undefined> {
  if (negotiation.mode === 'simple') return undefined;
  try {
    return await negotiation.listMetaContexts(exportName);
  } catch (error) {
    if (error instanceof NegotiationError) return undefined;
    throw error;
  }
}

async function print(
  negotiation: Negotiation,
  views: readonly ExportView[],
  options: InfoOptions,
  terminal: Terminal,
): Promise<void> {
  if (options.json) {
    await terminal.print(`${exactJson({ ...protocolJson(negotiation), exports: views.map(exportJson) })}\n`);
    return;
  }
  const colours = terminal.colours('stdout', options.colour);
  await terminal.print(protocolText(negotiation, colours) + views.map((view) => exportText(view, colours)).join(''));
}

async function map(server: ServerOperand, context: string, options: InfoOptions, terminal: Terminal): Promise<number> {
  await using client = await openServer(server, options, terminal, { contexts: [context] });
  if (!client.abilities.contexts.includes(context)) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `--map: server does not support metadata context "${context}"`);
  }
  const extents = walkExtents(client, { context, signal: terminal.signal });
  const colours = terminal.colours('stdout', options.colour);
  const { size: total } = client.geometry;
  if (options.totals) {
    const totals = await totalExtents(extents);
    await terminal.print(
      options.json ? totalsJson(context, totals, total) : totalsText(context, totals, total, colours),
    );
  } else {
    const all = [];
    for await (const extent of extents) all.push(extent);
    await terminal.print(options.json ? mapJson(context, all) : mapText(context, all, colours));
  }
  return 0;
}

/** The URI of an export of the same server, in a canonical form. A command has none. */
function uriOf(server: ServerOperand, exportName: string): string | undefined {
  if (server.type === 'command') return undefined;
  const parsed: NbdUri = parseUri(server.uri);
  return formatUri({ ...parsed, exportName }, { complete: true });
}
