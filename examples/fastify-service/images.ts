/** Where the images are, and what they may be called. */
import { join } from 'node:path';

/** What the worker is given. */
export interface WorkerData {
  readonly folder: string;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

/** A name becomes a part of a path, so it has no dots and no slashes. */
export function isDiskName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(name);
}

export function imagePath(folder: string, name: string): string {
  return join(folder, `${name}.img`);
}
