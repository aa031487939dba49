/** Copies blocks from memory to memory in Node: `memory-copy.mjs BLOCK_BYTES SECONDS`. Prints what ../load.ts prints. */
const [blockBytes = '262144', seconds = '1'] = process.argv.slice(2);
const length = Number(blockBytes);
// More than the caches of a processor hold.
const from = new Uint8Array(256 * 2 ** 20).fill(1);
const to = new Uint8Array(from.length).fill(2);

process.stdout.write('begin\n');
const before = process.cpuUsage();
const start = performance.now();
const endMs = start + Number(seconds) * 1000;
let requests = 0;
for (let offset = 0; performance.now() < endMs; requests++) {
  to.set(from.subarray(offset, offset + length), offset);
  offset = (offset + length) % from.length;
}
const elapsed = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
const used = { processorSeconds: (user + system) / 1e6 };
process.stdout.write(`${JSON.stringify({ perSecond: requests / elapsed, requests, used })}\n`);
