/** Reading block maps into cells. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { ExtentCells, walkExtentLists } from '@nbdjs/kit';
import { fetchAhead } from '../../connecting/fetch-ahead.ts';
import type { DeviceRange } from '../../options/range.ts';
import { roundedSize } from '../../render/human-size.ts';
import type { MapPanel } from '../../render/map-styles.ts';
import type { Terminal } from '../../terminal.ts';
import type { MapOptions } from './command.ts';

/** What is shown, and how. */
export interface MapJob {
  readonly device: BlockDevice;
  /** The operand as it was written. */
  readonly name: string;
  readonly contexts: readonly string[];
  /** How many images the disk in a file is made of, one over the other; `undefined` for servers. */
  readonly layers?: number | undefined;
  readonly range: DeviceRange;
  readonly options: MapOptions;
  readonly terminal: Terminal;
}

/** Reads one map for each context, into so many cells at most. */
export async function readPanels(job: MapJob, cellsMax: number): Promise<readonly MapPanel[]> {
  const panels: MapPanel[] = [];
  for (const context of job.contexts) {
    const cells = new ExtentCells({ ...job.range, cellsMax });
    for await (const extents of extentLists(job, context)) cells.add(extents);
    panels.push({ context, cells });
  }
  return panels;
}

/** Returns the extents of one context as they come. */
export function extentLists({ device, range, terminal: { signal } }: MapJob, context: string) {
  return fetchAhead(walkExtentLists(device, { ...range, context, signal }));
}

/** Names the device, its size, and the part of it that is shown. */
export function titleOf({ device, name, range }: MapJob): string {
  const { size } = device.geometry;
  const whole = `${name}  ${roundedSize(Number(size))}`;
  return range.length === size ? whole : `${whole}, of which ${range.length} bytes from ${range.offset} on`;
}
