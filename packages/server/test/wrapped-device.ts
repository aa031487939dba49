/** Devices that misbehave, or take their time. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { seededRandom } from '@nbdjs/testkit';

type Command = 'read' | 'write' | 'flush' | 'trim' | 'writeZeroes' | 'cache' | 'blockStatus';

/** Runs something around each command of a device. */
export function wrapped(
  inner: BlockDevice,
  around: (command: Command, go: () => unknown, args: readonly unknown[]) => unknown,
): BlockDevice {
  const call =
    (command: Command) =>
    (...args: readonly unknown[]): never =>
      around(command, () => (inner[command] as (...all: unknown[]) => unknown).apply(inner, [...args]), args) as never;
  return {
    geometry: inner.geometry,
    abilities: inner.abilities,
    read: call('read'),
    write: call('write'),
    flush: call('flush'),
    trim: call('trim'),
    writeZeroes: call('writeZeroes'),
    cache: call('cache'),
    blockStatus: call('blockStatus'),
    close: () => inner.close(),
  };
}

/** Answers each command some turns later, so that answers overtake each other. */
export function asynchronous(inner: BlockDevice, seed = 1): BlockDevice {
  const random = seededRandom(seed);
  return wrapped(inner, async (_command, go) => {
    for (let turns = Math.floor(random() * 4); turns > 0; turns--) await new Promise((next) => setImmediate(next));
    return go();
  });
}
