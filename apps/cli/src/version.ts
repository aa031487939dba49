/** The version of this program. */
import { createRequire } from 'node:module';

// The path holds for the built program, too, whose files are all in one folder.
export const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
