/** All exports of a server. */
import type { ExportInspector } from './export-inspector.ts';
import { type ExportInspection, type InspectOptions, inspectExport } from './inspect-export.ts';

/**
 * Inspects all exports that the server lists, each when the next item is asked for. An export that cannot be inspected is an item
 * with an `error`.
 *
 * @throws as `list` of `ExportInspector` does.
 */
export async function* listExports<Examined = never>(
  inspector: ExportInspector,
  options: InspectOptions<Examined> = {},
): AsyncGenerator<ExportInspection<Examined>, void, void> {
  for (const entry of await inspector.list()) yield await inspectExport(inspector, entry, options);
}
