/** Prints the one line about missing peers, if there is something to say. */
import { missingPeersLine } from './programs.ts';

const line = missingPeersLine();
if (line !== '') process.stdout.write(`${line}\n`);
