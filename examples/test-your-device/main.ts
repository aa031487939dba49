import { blockDeviceConformance } from '@nbdjs/conformance';
import { defineDevice } from '@nbdjs/storage';

/** A test runner in two functions; those of Vitest, Jest, Mocha and `node:test` fit as they are. */
const tests: { title: string; body: () => Promise<void> }[] = [];
const runner = {
  describe: (title: string, body: () => void) => {
    console.log(title);
    body();
  },
  it: (title: string, body: () => Promise<void>) => tests.push({ title, body }),
};

blockDeviceConformance(runner, 'an array', {
  async make(size) {
    const bytes = new Uint8Array(size);
    return defineDevice({
      size,
      read: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
      write: (offset, source) => bytes.set(source, offset),
    });
  },
});

for (const { title, body } of tests) {
  await body();
  console.log(`ok: it ${title}`);
}
