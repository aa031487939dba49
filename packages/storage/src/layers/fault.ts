/** A device that fails on demand, for tests of the code that uses devices. */
import { type BlockDevice, CommandError, type CommandErrorCode, type Offset } from '@nbdjs/interfaces';
import { AroundLayer, type LayerCall } from './around.ts';

/** Which calls fail. */
export interface FaultOptions {
  /** Asked before each call; the code that it gives is what the call fails with, and the device below is left alone. */
  readonly fail: (call: LayerCall & { readonly index: number }) => CommandErrorCode | undefined;
}

/** Lets calls fail as `fail` says; `index` counts them from 0. */
export function createFaultLayer(device: BlockDevice, { fail }: FaultOptions): BlockDevice {
  let index = 0;
  return new AroundLayer(device, (call, go) => {
    const code = fail({ ...call, index: index++ });
    if (code === undefined) return go();
    const { command, offset, length } = call;
    const message = `${command} of ${length ?? 0} bytes at ${offset ?? 0} fails as it was told to`;
    return Promise.reject(new CommandError(code, message, { command, ...placeOf(offset, length) }));
  });
}

function placeOf(offset: Offset | undefined, length: Offset | undefined): { offset?: Offset; length?: Offset } {
  return offset === undefined || length === undefined ? {} : { offset, length };
}
