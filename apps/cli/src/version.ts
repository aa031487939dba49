/** The version of this program. */
import { createRequire } from 'node:module';

/** Set where this file is built into a script, which then reads no other file. */
declare const versionBuilt: string | undefined;

export const version: string = typeof versionBuilt === 'string' ? versionBuilt : versionInPackage();

function versionInPackage(): string {
  // The path holds for the built program, too, whose files are all in one folder.
  return (createRequire(import.meta.url)('../package.json') as { version: string }).version;
}
