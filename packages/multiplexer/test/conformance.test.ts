import { blockDeviceConformance } from '@nbdjs/testkit';
import { openSession } from './session.ts';

for (const mode of ['simple', 'structured', 'extended'] as const) {
  blockDeviceConformance(`multiplexer, ${mode} replies`, {
    async make(size) {
      const { device } = await openSession({ mode, content: new Uint8Array(size) });
      return device;
    },
  });
}

blockDeviceConformance('multiplexer, blocks of 512 bytes and payloads of 8 KiB', {
  async make(size) {
    const blockSizes = { minimum: 512, preferred: 4096, maximum: 8192 };
    const { device } = await openSession({ content: new Uint8Array(size), facts: { blockSizes } });
    return device;
  },
});
