/** A process that mounts and waits to be killed. */
import { createMemoryDevice } from '@nbdjs/storage';
import { mountDevice } from '../src/index.ts';

const { paths } = await mountDevice(createMemoryDevice({ size: 1024 * 1024 }), process.argv[2] ?? '');
console.log(paths.join());
