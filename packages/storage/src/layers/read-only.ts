/** A device that nobody can change. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import { Layer } from './layer.ts';

/** Refuses whatever would change the device. */
export function createReadOnlyLayer(device: BlockDevice): BlockDevice {
  return new ReadOnlyLayer(device);
}

class ReadOnlyLayer extends Layer {
  readonly lend?: NonNullable<BlockDevice['lend']>;

  constructor(inner: BlockDevice) {
    super(inner, inner.geometry, {
      ...inner.abilities,
      readOnly: true,
      fua: false,
      trim: false,
      writeZeroes: false,
      fastZero: false,
    });
    if (inner.lend !== undefined) this.lend = inner.lend.bind(inner);
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
