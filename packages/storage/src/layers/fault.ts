/** A device that fails on demand, for tests of the code that uses devices. */
import { type BlockDevice, CommandError, type CommandErrorCode, type Offset } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { AroundLayer, type LayerCall } from './around.ts';

export const faultOptions = defineOptions({
  /** Asked before each call; the code that it returns is what the call fails with, and the device below is left alone. */
  fail: option.callback<(call: LayerCall & { readonly index: number }) => CommandErrorCode | undefined>({
    required: true,
    doc: 'Asked before each call; the code that it returns is what the call fails with, and the device below is left alone.',
  }),
});

/** Which calls fail. */
export interface FaultOptions extends OptionsOf<typeof faultOptions> {}

/**
 * Lets calls fail as `fail` says; `index` counts them from 0.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createFaultLayer(device: BlockDevice, options: FaultOptions): BlockDevice {
  const { fail } = faultOptions.resolve('createFaultLayer', options);
  let index = 0;
  return new AroundLayer(device, (call, go) => {
    const code = fail({ ...call, index: index++ });
    if (code === undefined) return go();
    const { command, offset, length } = call;
    const message = `${command} of ${length ?? 0} bytes at ${offset ?? 0} fails, as the fault layer was set up`;
    return Promise.reject(new CommandError(code, message, { command, ...placeOf(offset, length) }));
  });
}

function placeOf(offset: Offset | undefined, length: Offset | undefined): { offset?: Offset; length?: Offset } {
  return offset === undefined || length === undefined ? {} : { offset, length };
}
