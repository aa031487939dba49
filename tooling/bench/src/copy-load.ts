/**
 * A copy of a whole export to nowhere, as a process of its own: `copy-load.ts URI [OPTIONS]`, the options being those of
 * `connect`, as JSON. Prints one line of JSON: seconds, and how busy the loop of the caller was, from 0 to 1.
 */
import { type ConnectOptions, connect } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { createNullDevice } from '@nbdjs/storage';

const [uri = '', options = '{}'] = process.argv.slice(2);
const start = performance.now();
const source = await connect(uri, { allowLocalFiles: true, ...(JSON.parse(options) as ConnectOptions) });
const before = performance.eventLoopUtilization();
await copyDevice(source, createNullDevice({ size: source.geometry.size }));
const { utilization } = performance.eventLoopUtilization(before);
await source.close();
process.stdout.write(`${JSON.stringify({ seconds: (performance.now() - start) / 1000, utilization })}\n`);
