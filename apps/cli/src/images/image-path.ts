/** `PATH#MEMBER`: a member of an archive as an operand. */
import { existsSync } from 'node:fs';

export interface ImagePath {
  readonly path: string;
  /** What follows the `#`. */
  readonly member?: string | undefined;
}

/** Splits a path at the first `#` before which there is a file. A file with such a name comes first. */
export function splitMember(path: string): ImagePath {
  if (!path.includes('#') || existsSync(path)) return { path };
  for (let place = path.indexOf('#'); place > 0; place = path.indexOf('#', place + 1)) {
    const archive = path.slice(0, place);
    if (existsSync(archive)) return { path: archive, member: path.slice(place + 1) };
  }
  return { path };
}

/** Returns whether there is something at a path, or it is a member of something. */
export function existsAt(path: string): boolean {
  return existsSync(splitMember(path).path);
}
