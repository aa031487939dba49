/** All parts, in the order in which they are measured. */
import type { Cell } from '../measuring/cell.ts';
import { client } from './client.ts';
import { copying } from './copies.ts';
import { distance } from './distance.ts';
import { idle } from './idle.ts';
import { incumbent } from './incumbent.ts';
import { mounting } from './mount.ts';
import type { Part } from './part.ts';
import { proxying } from './proxy.ts';
import { reconnect } from './reconnect.ts';
import { scale } from './scale.ts';
import { serverFile } from './server-file.ts';
import { serverMemory } from './server-memory.ts';
import { serverQcow2 } from './server-qcow2.ts';
import { start } from './start.ts';
import { tls } from './tls.ts';
import { wholePath } from './whole-path.ts';

export const parts: readonly Part[] = [
  client,
  serverMemory,
  serverFile,
  serverQcow2,
  copying,
  mounting,
  proxying,
  tls,
  incumbent,
  wholePath,
  start,
  idle,
  scale,
  reconnect,
  distance,
];

export interface Choice {
  readonly part: Part;
  readonly cells: readonly Cell[];
}

/**
 * The parts with the cells that are wanted: by the name of a part, or by the beginning of a cell's name. No names want everything.
 *
 * @throws Error for a name that fits nothing
 */
export function choose(names: readonly string[], all: readonly Part[] = parts): readonly Choice[] {
  const fits = (name: string, part: Part, cell: Cell): boolean => part.name === name || cell.id.startsWith(name);
  for (const name of names) {
    if (all.some((part) => part.cells.some((cell) => fits(name, part, cell)))) continue;
    throw new Error(`--parts: a name from --list was expected, got '${name}'`);
  }
  return all
    .map((part) => ({
      part,
      cells: part.cells.filter((cell) => names.length === 0 || names.some((name) => fits(name, part, cell))),
    }))
    .filter(({ cells }) => cells.length > 0);
}
