/** A thread of the server of the target `server-threads`: serves memory that all of them share. */
import { serveThread } from '@nbdjs/server';
import { createSharedMemoryDevice, type SharedMemory } from '@nbdjs/storage';
import { adoptDescriptor } from '@nbdjs/transport';

serveThread<SharedMemory>({
  adopt: adoptDescriptor,
  async open(memory) {
    const device = createSharedMemoryDevice({ memory });
    return { exports: { disk: device }, sharesStorage: true, close: () => device.close() };
  },
});
