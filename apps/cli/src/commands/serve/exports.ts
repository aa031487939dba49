/** The exports of `nbd serve`. */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { Export } from '@nbdjs/server';
import { argumentError } from '../../errors/argument-error.ts';
import type { Operand } from '../../options/operand.ts';
import type { ServeOptions } from './command.ts';
import { exportNameOf, type Source } from './source.ts';

export type NamedExports = Readonly<Record<string, Export>>;

/** Returns the names of the sources' exports, in their order. @throws UsageError when two are the same, or a source has none. */
export function exportNames(sources: readonly Source[], exportName: string | undefined): readonly string[] {
  const names = sources.map((source) => exportNameOf(source, sources.length, exportName));
  const double = names.find((name, index) => names.indexOf(name) !== index);
  if (double !== undefined) throw argumentError(`there are two exports named '${double}'`);
  return names;
}

/** Opens the sources, one after the other. `onOpen` is given each device, also if a later one cannot be opened. */
export async function openExports(
  sources: readonly Source[],
  options: ServeOptions,
  open: (operand: Operand) => Promise<BlockDevice>,
  onOpen: (device: BlockDevice) => void,
): Promise<NamedExports> {
  const exports: Record<string, Export> = {};
  const names = exportNames(sources, options.exportName);
  for (const [index, source] of sources.entries()) {
    const name = names[index] as string;
    const device = await open(source.operand);
    onOpen(device);
    if (options.resizable === true) requireResizable(device, source);
    exports[name] = {
      device,
      description: options.description,
      readOnly: options.readOnly === true,
      resizable: options.resizable === true,
      unaligned: options.refuseUnaligned === true ? 'refuse' : 'mend',
    };
  }
  return exports;
}

/** @throws UsageError for what has a fixed size, so that nobody relies on an option that does nothing. */
function requireResizable({ resizing, abilities }: BlockDevice, { word }: Source): void {
  if (abilities.readOnly) throw argumentError(`--resizable: ${word} is read-only`);
  if (resizing === undefined) throw argumentError(`--resizable: the size of ${word} is fixed`);
}
