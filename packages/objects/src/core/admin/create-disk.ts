/** Making a disk. */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { requireConditions } from '../disk/conditions.ts';
import { storeUseOptions } from '../disk/options.ts';
import { blocksMax, emptyMap, type Manifest, objectBytesLeast, objectBytesMost } from '../format/manifest.ts';
import { ManifestRegister } from '../map/manifest-register.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { createRetryingStore } from '../store/retrying-store.ts';
import { isStoreError } from '../store/store-error.ts';

export const createDiskOptions = defineOptions({
  ...storeUseOptions.definitions,
  /** In bytes, up to 2^26 objects. */
  size: option.checked<number | bigint>(
    {
      expected: 'a whole number of bytes, 2^52 at most',
      holds: (value) =>
        (typeof value === 'bigint' || Number.isSafeInteger(value)) &&
        (value as number) >= 0 &&
        (value as number) <= 2 ** 52,
    },
    { required: true, doc: 'The size in bytes, up to 2^26 objects.' },
  ),
  /** The size of the objects, in bytes: a power of two. It cannot be changed later. @default 4 MiB */
  objectBytes: option.powerOfTwoBytes({
    default: 4 * 2 ** 20,
    defaultText: '4 MiB',
    least: objectBytesLeast,
    most: objectBytesMost,
    doc: 'The size of the objects: a power of two. It cannot be changed later.',
  }),
});

/** The properties of a new disk. */
export interface CreateDiskOptions extends OptionsOf<typeof createDiskOptions> {}

/**
 * Makes a disk of zeroes. It costs one object.
 *
 * @param disk its name: letters, digits, `.`, `_` and `-`, in folders
 * @throws UsageError `ERR_NBD_EXISTS` when there is a disk of this name, `ERR_NBD_ARGUMENT` for a name that is not possible, a size that
 *   needs too many objects, or an option that is unknown, wrong or missing, `ERR_NBD_NOT_SUPPORTED` for a store that does not keep to
 *   conditions. StoreError what the store throws.
 */
export async function createDisk(store: ObjectStore, disk: string, options: CreateDiskOptions): Promise<void> {
  const settings = createDiskOptions.resolve('createDisk', options);
  const { clock, random, retryMs, attemptMs, onRetry, objectBytes } = settings;
  const size = Number(settings.size);
  if (Math.ceil(size / objectBytes) > blocksMax) {
    const message = `a disk of ${size} bytes needs more than ${blocksMax} objects of ${objectBytes} bytes; choose larger ones`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  const patient = createRetryingStore(store, { clock, random, retryMs, attemptMs, onRetry });
  const register = new ManifestRegister(patient, disk);
  await requireConditions(patient, settings.makeId());
  await putNewDisk(register, {
    id: settings.makeId(),
    time: settings.wallClock(),
    size,
    objectBytes,
    epoch: 0,
    commit: 0,
    floor: 0,
    generation: 0,
    writer: undefined,
    map: emptyMap,
    snapshots: new Map(),
  });
}

/** Stores the first manifest of a disk, over that of a deleted one too. @throws UsageError `ERR_NBD_EXISTS`. */
export async function putNewDisk(register: ManifestRegister, manifest: Manifest): Promise<void> {
  const taken = (): UsageError => new UsageError('ERR_NBD_EXISTS', `there is a ${register.what} already`);
  const present = await register.load();
  if (present !== undefined && !('isDeleted' in present.manifest)) throw taken();
  try {
    await register.swap(present?.etag, manifest);
  } catch (error) {
    throw isStoreError(error, 'ERR_NBD_STORE_PRECONDITION') ? taken() : error;
  }
}
