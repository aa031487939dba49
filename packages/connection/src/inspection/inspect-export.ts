/** What can be found out about an export, with the error in its place where that is not everything. */
import { type Established, type ExportFacts, NegotiationError, ProtocolError, TimeoutError } from '@nbdjs/interfaces';
import { type ExportEntry, encodeName, quoted } from '@nbdjs/protocol';
import type { ExportInspector } from './export-inspector.ts';
import { leaveExport } from './leave-taking.ts';

/** One export, as far as it could be found out. */
export interface ExportInspection<Examined = never> {
  /** The canonical name that the server reports, else the one that was asked for. */
  readonly name: string;
  /**
   * The server's description of the export: from its list, else from the facts. `undefined` where neither has it, or the name cannot be
   * sent.
   */
  readonly description?: string | undefined;
  /** The metadata contexts that are offered; `undefined` where they cannot be asked for. */
  readonly contexts?: readonly string[] | undefined;
  /** `undefined` for an export that the server lists and then refuses. */
  readonly facts?: ExportFacts | undefined;
  /** In bytes; `undefined` where it could not be found out, even if the facts have a size. */
  readonly size?: bigint | undefined;
  /** The result of `examine`. */
  readonly examined?: Examined | undefined;
  /** Why not everything is known, or what is wrong with the export's name. */
  readonly error?: Error | undefined;
  /**
   * Why the export was not examined, where that is not counted as an error: a server that is busy with other clients reports everything
   * except what needs an open export.
   */
  readonly warning?: Error | undefined;
}

/** How exports are inspected. */
export interface InspectOptions<Examined = never> {
  /**
   * Examines the open export, by reading its first bytes for instance. The connection belongs to the callback, which ends
   * it. Without it, an export is opened only where the server does not report its size before.
   */
  readonly examine?: ((established: Established, exportName: string) => Promise<Examined>) | undefined;
}

/**
 * Finds out everything about an export. Does not reject for what the server refuses or gets wrong: that is `error` of the result.
 *
 * @param entry The export, as `list` returns it, or its name.
 * @throws the signal's reason.
 */
export async function inspectExport<Examined = never>(
  inspector: ExportInspector,
  entry: ExportEntry | string,
  options: InspectOptions<Examined> = {},
): Promise<ExportInspection<Examined>> {
  const { name, description, fault } = typeof entry === 'string' ? { name: entry, description: '' } : entry;
  const misnamed = fault === undefined ? undefined : nameError(inspector, name, fault);
  if (misnamed !== undefined && !canBeSent(name)) return { name, error: misnamed };
  const found = await examineExport(inspector, name, options);
  return {
    name: found.facts?.canonicalName ?? name,
    description: description === '' ? found.facts?.description : description,
    contexts: found.contexts,
    facts: found.facts,
    size: found.size,
    examined: found.examined,
    error: found.error ?? misnamed,
    warning: found.warning,
  };
}

/** The results of steps, each of which may be the last one. */
type Found<Examined> = { -readonly [Key in keyof ExportInspection<Examined>]: ExportInspection<Examined>[Key] };

async function examineExport<Examined>(
  inspector: ExportInspector,
  name: string,
  { examine }: InspectOptions<Examined>,
): Promise<Found<Examined>> {
  const { signal } = inspector;
  const found: Found<Examined> = { name };
  try {
    found.facts = await inspector.info(name);
    found.contexts = await inspector.metaContexts(name);
    if (found.facts !== undefined && found.facts.size > 0n) found.size = found.facts.size;
    if (examine === undefined && found.size !== undefined) return found;
    const established = await inspector.open(name);
    found.facts = { ...found.facts, ...established.facts };
    found.size = found.facts.size;
    if (examine === undefined) await leaveExport(established, signal);
    else found.examined = await examine(established, name);
  } catch (reason) {
    signal?.throwIfAborted();
    if (!(reason instanceof Error)) throw reason;
    // The answer of INFO is void when the export cannot be opened.
    if (reason instanceof NegotiationError) found.facts = undefined;
    if (found.size !== undefined && reason instanceof TimeoutError) found.warning = reason;
    else found.error = reason;
  }
  return found;
}

/** What is wrong with the name of an export that can be used nevertheless. */
function nameError({ name: server }: ExportInspector, name: string, fault: string): ProtocolError {
  const message = `${server}: the name of export ${quoted(name)} ${fault}`;
  return new ProtocolError('export-name', message, { phase: 'option', rule: 'G2' });
}

/** Returns whether an export can be asked for by a name that breaks the rules. */
function canBeSent(name: string): boolean {
  try {
    encodeName(name);
    return true;
  } catch {
    return false;
  }
}
