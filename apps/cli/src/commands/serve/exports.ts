/** The exports of `nbd serve`. */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { Export } from '@nbdjs/server';
import { argumentError } from '../../errors/argument-error.ts';
import type { ServeOptions } from './command.ts';
import { openSource } from './open-source.ts';
import { exportNameOf, type Source } from './source.ts';
import type { Upstreams } from './upstreams.ts';

export type NamedExports = Readonly<Record<string, Export>>;

/** Opens the sources, one after the other. `onOpen` is given each device, also if a later one cannot be opened. */
export async function openExports(
  sources: readonly Source[],
  options: ServeOptions,
  upstreams: Upstreams,
  onOpen: (device: BlockDevice) => void,
): Promise<NamedExports> {
  const exports: Record<string, Export> = {};
  for (const source of sources) {
    const name = exportNameOf(source, sources.length, options.exportName);
    if (Object.hasOwn(exports, name)) throw argumentError(`there are two exports named '${name}'`);
    const device = await openSource(source.operand, options, upstreams);
    onOpen(device);
    exports[name] = {
      device,
      description: options.description,
      readOnly: options.readOnly === true,
      unaligned: options.refuseUnaligned === true ? 'refuse' : 'mend',
    };
  }
  return exports;
}
