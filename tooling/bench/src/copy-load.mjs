/**
 * A copy of a whole export to nowhere, as a process of its own: `copy-load.mjs URI [OPTIONS]`, the options being those of
 * `connect`, as JSON. Prints a line of JSON: what Node counted in the thread of the caller. Where there are fewer processors than threads
 * that want one, a loop is also busy while it waits for its turn.
 *
 * Plain JavaScript, because a worker would load the TypeScript compiler once more, within the time that is measured.
 */
import { connect } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { createNullDevice } from '@nbdjs/storage';
import { beginCounting } from './node-counters.mjs';

const [uri = '', options = '{}'] = process.argv.slice(2);
const source = await connect(uri, { allowLocalFiles: true, ...JSON.parse(options) });
const endCounting = beginCounting();
await copyDevice(source, createNullDevice({ size: source.geometry.size }));
const node = endCounting();
await source.close();
process.stdout.write(`${JSON.stringify({ node })}\n`);
