/** The program in modules, of which each command loads what it needs. */
import { run } from './program.ts';
import { start } from './start.ts';

await start(run);
