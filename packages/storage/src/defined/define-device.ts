/** A device of one's own from a few functions; what is left out has a sound default. */
import { type BlockDevice, type Geometry, limits, UsageError } from '@nbdjs/interfaces';
import { checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import { DefinedDevice } from './defined-device.ts';
import type { DeviceDefinition } from './device-definition.ts';

const checks: OptionChecks<DeviceDefinition> = {
  size: optionChecks.bytes,
  read: optionChecks.callback,
  write: optionChecks.callback,
  flush: optionChecks.callback,
  trim: optionChecks.callback,
  writeZeroes: optionChecks.callback,
  cache: optionChecks.callback,
  blockStatus: optionChecks.callback,
  close: optionChecks.callback,
  minimumBlockSize: optionChecks.wholeFrom(1),
  preferredBlockSize: optionChecks.wholeFrom(1),
  maximumBlockSize: optionChecks.wholeFrom(1),
  multiConn: optionChecks.boolean,
  rotational: optionChecks.boolean,
};

/**
 * Makes a device from its definition. Bounds, block sizes, signals and the end of its life are checked here.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when the definition has an unknown member, lacks one, or one does not fit.
 */
export function defineDevice(definition: DeviceDefinition): BlockDevice {
  checkOptions('defineDevice', definition, checks);
  for (const name of ['size', 'read'] as const) {
    if (definition[name] === undefined) throw bad(`${name} is missing`);
  }
  return new DefinedDevice(definition, geometryOf(definition));
}

function geometryOf(definition: DeviceDefinition): Geometry {
  const { minimumBlockSize = 1, maximumBlockSize = limits.payloadBytesDefault } = definition;
  const { preferredBlockSize = Math.max(4096, minimumBlockSize) } = definition;
  for (const [name, value] of Object.entries({ minimumBlockSize, preferredBlockSize })) {
    if (!Number.isInteger(Math.log2(value))) throw bad(`${name} is ${value}, expected a power of two`);
  }
  if (preferredBlockSize < minimumBlockSize) {
    throw bad(`preferredBlockSize is ${preferredBlockSize}, expected ${minimumBlockSize} (minimumBlockSize) or more`);
  }
  if (maximumBlockSize < preferredBlockSize || maximumBlockSize % minimumBlockSize !== 0) {
    throw bad(
      `maximumBlockSize is ${maximumBlockSize}, expected a multiple of ${minimumBlockSize} from ${preferredBlockSize} on`,
    );
  }
  const size = BigInt(definition.size);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw bad(`size is ${size}, expected 2^53 - 1 at most`);
  return { size, minimumBlockSize, preferredBlockSize, maximumBlockSize };
}

function bad(reason: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `defineDevice: ${reason}`);
}
