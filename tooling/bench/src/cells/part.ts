/** A part of the measurements: cells that need the same servers. */
import type { Cell } from '../measuring/cell.ts';

export type PartName =
  | 'client'
  | 'server-memory'
  | 'server-file'
  | 'server-qcow2'
  | 'copies'
  | 'mount'
  | 'proxy'
  | 'tls'
  | 'incumbent'
  | 'whole-path'
  | 'start'
  | 'idle'
  | 'scale'
  | 'reconnect'
  | 'distance';

export interface Part {
  readonly name: PartName;
  readonly title: string;
  readonly cells: readonly Cell[];
  /** Programs that use several threads are not held on one processor. */
  readonly isPinned: boolean;
}
