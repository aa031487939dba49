/** The client on our server is a block device like any other. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { createServer } from '../src/index.ts';
import { connectTo } from './support.ts';
import { asynchronous } from './wrapped-device.ts';

for (const mode of ['simple', 'structured', 'extended'] as const) {
  blockDeviceConformance(`memory, served with ${mode} headers`, {
    make: async (size) => connectTo(createServer({ exports: { '': createMemoryDevice({ size }) } }), mode),
  });
}

blockDeviceConformance('a device that answers late and out of order, served', {
  make: async (size) => connectTo(createServer({ exports: { '': asynchronous(createMemoryDevice({ size })) } })),
});

blockDeviceConformance('a client, served again', {
  make: async (size) => {
    const inner = createServer({ exports: { disk: createMemoryDevice({ size }) } });
    const between: BlockDevice = await connectTo(inner, 'extended', 'disk');
    const outer = await connectTo(createServer({ exports: { '': between } }));
    return Object.assign(outer, {
      close: async () => {
        await Object.getPrototypeOf(outer).close.call(outer);
        await between.close();
      },
    });
  },
});
