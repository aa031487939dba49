/** A device that cannot be changed. */
import { type BlockDevice, type DeviceMemory, UsageError } from '@nbdjs/interfaces';
import { Layer } from '@nbdjs/kit';

/** Refuses every call that would change the device. */
export function createReadOnlyLayer(device: BlockDevice): BlockDevice {
  return new ReadOnlyLayer(device);
}

class ReadOnlyLayer extends Layer {
  /** The same bytes, but no place to write to. */
  readonly #memory: DeviceMemory | undefined;

  constructor(inner: BlockDevice) {
    super(inner, {
      passes: ['deferredReads'],
      abilities: {
        ...inner.abilities,
        readOnly: true,
        fua: false,
        trim: false,
        writeZeroes: false,
        fastZero: false,
      },
    });
    const { memory } = inner;
    this.#memory = memory && { view: (offset, length) => memory.view(offset, length) };
  }

  override get memory(): DeviceMemory | undefined {
    return this.#memory;
  }

  override write(): never {
    throw readOnlyError();
  }

  override trim(): never {
    throw readOnlyError();
  }

  override writeZeroes(): never {
    throw readOnlyError();
  }
}

function readOnlyError(): UsageError {
  return new UsageError('ERR_NBD_READ_ONLY', 'the device is read-only');
}
