/** `nbd info`: shows facts about a server and its exports. The output is the same as nbdinfo's. */
import { formatUri, parseUri } from '@nbdjs/client';
import { type ExportInspection, type ExportInspector, inspectExport } from '@nbdjs/connection';
import { ProtocolError } from '@nbdjs/interfaces';
import { withTls } from '../../connecting/client-tls.ts';
import { withInspector } from '../../connecting/open-server.ts';
import { argumentError } from '../../errors/argument-error.ts';
import { oneLine } from '../../errors/one-line.ts';
import { loadFiles } from '../../images/load-for-info.ts';
import { requireFiles } from '../../images/options.ts';
import { loadObjects } from '../../objects/load.ts';
import type { CommandContext } from '../../options/command-context.ts';
import { isWebUrl, type ReadableOperand, type ServerOperand } from '../../options/operand.ts';
import { type ExportView, listJson, listText } from '../../render/export.ts';
import type { Terminal } from '../../terminal.ts';
import { type Feature, requestedFeature } from './ask-feature.ts';
import type { InfoOptions } from './command.ts';
import { contentOf } from './content.ts';
import { printMap } from './map.ts';

/** Exit code of `--can` and its other spellings when the answer is no. */
const exitNo = 2;

export async function run(
  { terminal }: CommandContext,
  options: InfoOptions,
  operand: ReadableOperand,
): Promise<number> {
  const server = withTls(operand, options);
  requireCompatible(options);
  const feature = requestedFeature(options);
  const { map: context } = options;
  if (context !== undefined) return await printMap(server, { ...options, context }, terminal);
  if (server.type === 'file') {
    requireAboutFiles(options);
    return await (await loadFiles()).printImage(server.path, options, terminal);
  }
  requireFiles(options, [server]);
  if (options.partition !== undefined)
    throw argumentError('--partition: of a server or a disk in a store, only --map can be about a partition');
  if (server.type === 'disk') {
    requireAboutFiles(options);
    await (await loadObjects()).printDisk(server, options, terminal);
    return 0;
  }
  const isAboutExport = options.list !== true && options.uri !== true;
  return await withInspector(server, options, terminal, isAboutExport, (inspector, exportName) =>
    new Info(server, inspector, options, terminal).print(exportName, feature),
  );
}

function requireCompatible(options: InfoOptions): void {
  const modes = [
    options.list === true && '--list',
    options.map !== undefined && '--map',
    options.size === true && '--size',
    options.uri === true && '--uri',
    options.features !== undefined && '--can',
  ].filter((mode) => mode !== false);
  if (modes.length > 1) throw argumentError(`${modes.join(' and ')} cannot be used together`);
  if (options.totals === true && options.map === undefined) throw argumentError('--totals needs --map');
}

/** @throws UsageError for what only a server can be asked. */
function requireAboutFiles({ list, uri, features, content }: InfoOptions): void {
  const [asked] = [
    list === true && '--list',
    uri === true && '--uri',
    features !== undefined && Object.keys(features)[0],
    content === true && '--content',
  ].filter((one) => typeof one === 'string');
  if (asked !== undefined) throw argumentError(`${asked} is a question for a server, and not for a file`);
}

/** What is printed about one server. */
class Info {
  readonly #server: ServerOperand;
  readonly #inspector: ExportInspector;
  readonly #options: InfoOptions;
  readonly #terminal: Terminal;

  constructor(server: ServerOperand, inspector: ExportInspector, options: InfoOptions, terminal: Terminal) {
    this.#server = server;
    this.#inspector = inspector;
    this.#options = options;
    this.#terminal = terminal;
  }

  /** Resolves to the exit code. */
  async print(exportName: string, feature: Feature | undefined): Promise<number> {
    const { size, uri, list } = this.#options;
    if (feature !== undefined) {
      const answer = await feature(this.#inspector, exportName);
      return answer ? 0 : exitNo;
    }
    if (size === true) {
      await this.#terminal.print(`${(await this.#inspector.facts(exportName)).size}\n`);
      return 0;
    }
    if (uri === true) return await this.#printUri(exportName);
    return list === true ? await this.#printAll() : await this.#printOne(exportName);
  }

  /** Of a server that answers; whether it has the export is not asked. */
  async #printUri(exportName: string): Promise<number> {
    const uri = this.#uriOf(exportName);
    if (uri === undefined) throw argumentError('--uri: a command has no URI');
    await this.#terminal.print(this.#options.json === true ? `${JSON.stringify(uri)}\n` : `${uri}\n`);
    return 0;
  }

  async #printOne(exportName: string): Promise<number> {
    const inspection = await inspectExport(this.#inspector, exportName, this.#examination(true));
    const { facts, error, warning } = inspection;
    // Nothing is known of it that would be worth printing.
    if (facts === undefined) throw error;
    for (const problem of [warning, error]) if (problem !== undefined) this.#complain(problem);
    const format = this.#format();
    await this.#terminal.print(format.begin() + format.add(this.#view(inspection, exportName)) + format.end());
    return error === undefined ? 0 : 1;
  }

  /** Prints each export as soon as it is known. */
  async #printAll(): Promise<number> {
    const entries = await this.#inspector.list();
    const format = this.#format();
    await this.#terminal.print(format.begin());
    let exitCode = 0;
    for (const entry of entries) {
      const inspection = await inspectExport(this.#inspector, entry, this.#examination(false));
      const { error, warning } = inspection;
      for (const problem of [warning, error]) if (problem !== undefined) this.#complain(problem);
      if (error !== undefined) exitCode = 1;
      await this.#terminal.print(format.add(this.#view(inspection, entry.name)));
    }
    await this.#terminal.print(format.end());
    return exitCode;
  }

  /** The first bytes are examined unless the options say otherwise. */
  #examination(isUsual: boolean) {
    if (!(this.#options.content ?? isUsual)) return {};
    return { examine: contentOf(this.#inspector, this.#terminal.signal) };
  }

  #view(inspection: ExportInspection<string | undefined>, askedName: string): ExportView {
    const { error, facts } = inspection;
    // A name that cannot be sent has no URI either.
    const isNameless = facts === undefined && error instanceof ProtocolError && error.violation === 'export-name';
    return { ...inspection, content: inspection.examined, uri: isNameless ? undefined : this.#uriOf(askedName) };
  }

  #format() {
    const { json, color } = this.#options;
    return json === true
      ? listJson(this.#inspector)
      : listText(this.#inspector, this.#terminal.colours('stdout', color));
  }

  #complain(error: Error): void {
    this.#terminal.note(`${this.#terminal.colours('stderr').red('nbd:')} ${oneLine(error)}`);
  }

  /** The URI of an export of the same server, in a canonical form. A command has none. */
  #uriOf(exportName: string): string | undefined {
    if (this.#server.type === 'command') return undefined;
    if (isWebUrl(this.#server.uri)) {
      const [url] = this.#server.uri.split('#');
      return exportName === '' ? url : `${url}#${encodeURIComponent(exportName)}`;
    }
    return formatUri({ ...parseUri(this.#server.uri), exportName }, { complete: true });
  }
}
