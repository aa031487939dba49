/** A thread with a device over memory that it shares with the tests. */
import { parentPort, workerData } from 'node:worker_threads';
import { createSharedMemoryDevice, type SharedMemory } from '../src/index.ts';

const device = createSharedMemoryDevice({ memory: workerData as SharedMemory });

/** Copies 1000 bytes behind themselves, zeroes them where they were, and tells what they were. */
async function echo(place: number): Promise<void> {
  const bytes = new Uint8Array(1000);
  await device.read(place, bytes);
  await device.write(place + 1000, bytes);
  await device.writeZeroes(place, 1000);
  parentPort?.postMessage(bytes.every((byte) => byte === bytes[0]) ? bytes[0] : 'mixed');
}

parentPort?.on('message', (place: number) => void echo(place));
