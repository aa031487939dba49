/**
 * A copy of a whole export to nowhere, as a process of its own: `copy-load.mjs URI [OPTIONS]`, the options being those of
 * `connect`, as JSON. Prints one line of JSON: seconds, how busy the loop of the caller was, and how much of a processor its thread
 * had, both from 0 to 1. Where there are fewer processors than threads that want one, a loop is busy waiting for its turn as well.
 *
 * Plain JavaScript, because a worker would load the TypeScript compiler once more, within the time that is measured.
 */
import { readFileSync } from 'node:fs';
import { connect } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { createNullDevice } from '@nbdjs/storage';

/** Seconds for which this thread has had a processor, as Linux counts them. */
function processorSeconds() {
  const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
  return Number(nanoseconds) / 1e9;
}

const [uri = '', options = '{}'] = process.argv.slice(2);
const start = performance.now();
const source = await connect(uri, { allowLocalFiles: true, ...JSON.parse(options) });
const before = performance.eventLoopUtilization();
const beforeSeconds = processorSeconds();
const beforeMs = performance.now();
await copyDevice(source, createNullDevice({ size: source.geometry.size }));
const { utilization } = performance.eventLoopUtilization(before);
const processor = (processorSeconds() - beforeSeconds) / ((performance.now() - beforeMs) / 1000);
await source.close();
const seconds = (performance.now() - start) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, utilization, processor })}\n`);
