/**
 * The names of the objects that disks consist of. A name has the disk that made it, the epoch of its writer, and a number that this
 * writer uses once: so no name is ever used twice, and what a writer stores late never replaces anything.
 */

/** One immutable object. */
export interface ObjectName {
  /** The id of the disk that has made it. */
  readonly owner: string;
  /** The epoch of the writer. */
  readonly epoch: number;
  /** The writer's own count. */
  readonly serial: number;
}

/** Where all objects of all disks are. */
export const objectsPrefix = 'objects/';

export function keyOfObject({ owner, epoch, serial }: ObjectName): string {
  return `${objectsPrefix}${owner}/${epoch}.${serial}`;
}

const keyPattern = /^objects\/([0-9a-f]{16})\/([1-9][0-9]{0,9})\.(0|[1-9][0-9]{0,15})$/;

/** Returns the name that a key stands for; `undefined` for keys of something else. */
export function objectOfKey(key: string): ObjectName | undefined {
  const [, owner, epoch, serial] = keyPattern.exec(key) ?? [];
  if (owner === undefined) return undefined;
  const name = { owner, epoch: Number(epoch), serial: Number(serial) };
  return Number.isSafeInteger(name.serial) ? name : undefined;
}

export function isSameObject(one: ObjectName | undefined, other: ObjectName | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.serial === other.serial && one.epoch === other.epoch && one.owner === other.owner;
}

/** Which ids disks have: 16 hexadecimal digits. */
export const idPattern = /^[0-9a-f]{16}$/;
