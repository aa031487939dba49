/** A program that bundlers are given: says how its connection is made, reads a sector, and is done. */
import { subscribe } from 'node:diagnostics_channel';
import { connect } from '@nbdjs/client';

const [uri, worker] = process.argv.slice(2);
let chosen;
subscribe('nbdjs:connection:chosen', (message) => {
  chosen = message;
});

async function main() {
  const disk = await connect(uri, worker === undefined ? {} : { workerUrl: new URL(worker) });
  const sector = await disk.readBytes(0, 512);
  await disk.close();
  console.log(JSON.stringify({ delivery: chosen.delivery, reason: chosen.reason, length: sector.length }));
}

void main();
