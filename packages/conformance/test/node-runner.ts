/** Run by `node --test`, to show that the suites fit another test runner. */
import { describe, it } from 'node:test';
import { blockDeviceConformance } from '../src/index.ts';
import { createArrayDevice } from './array-device.ts';

blockDeviceConformance({ describe, it }, 'array', { make: async (size) => createArrayDevice(size) });
