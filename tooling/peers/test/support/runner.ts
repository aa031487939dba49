/** Starts peers, tells about them in one line of JSON, and comes to the end that its second argument names. */
import { makeRawImage } from '../../src/images.ts';
import { startNbdServer } from '../../src/nbd-server.ts';
import { startNbdkit } from '../../src/nbdkit.ts';
import type { Generation } from '../../src/programs.ts';
import { createWorkspace } from '../../src/workspace.ts';

const [generation, ending] = process.argv.slice(2) as [Generation, 'uncaught' | 'exit' | 'wait'];
const workspace = createWorkspace(generation);
makeRawImage(workspace.hostPath('disk'), 65536, []);
const kit = await startNbdkit(workspace, ['memory', '1M']);
const reference = await startNbdServer(workspace, [{ name: 'a', image: 'disk' }]);
process.stdout.write(`${JSON.stringify({ pids: [kit.pid, reference.pid], folder: workspace.folder })}\n`);
if (ending === 'exit') process.exit(0);
if (ending === 'uncaught') throw new Error('as if a test had gone wrong');
setInterval(() => {}, 1000);
