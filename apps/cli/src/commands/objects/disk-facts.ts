/** What is known of a disk in a store, as text and as JSON. */
import type { DiskFacts, DiskUsage } from '@nbdjs/objects';
import type { JsonValue } from '../../render/exact-json.ts';
import { exactSize, roundedSize } from '../../render/human-size.ts';
import { printable } from '../../render/printable.ts';

/** Times are those of ISO 8601. */
export function factsJson(facts: DiskFacts, usage?: DiskUsage): { readonly [key: string]: JsonValue | undefined } {
  const { name, id, time, size, objectBytes, epoch, commit, writer, origin, snapshots } = facts;
  return {
    name,
    id,
    created: isoTime(time),
    size,
    'object-size': objectBytes,
    epoch,
    commit,
    writer: writer === undefined ? null : { label: writer.label, 'lease-ms': writer.leaseMs },
    ...(origin === undefined ? {} : { origin: { disk: origin.disk, snapshot: origin.snapshot } }),
    snapshots: snapshots.map((one) => ({
      name: one.name,
      created: isoTime(one.time),
      size: one.size,
      ...(one.pins.length === 0 ? {} : { 'clones-under-way': one.pins }),
    })),
    ...(usage === undefined
      ? {}
      : { objects: usage.objects, 'stored-bytes': usage.storedBytes, 'data-bytes': usage.dataBytes }),
  };
}

export function factsText(facts: DiskFacts, usage: DiskUsage, snapshot: string | undefined): string {
  const { name, id, time, size, objectBytes, epoch, writer, origin, snapshots } = facts;
  const whose = snapshot === undefined ? '' : ` (snapshot ${snapshot})`;
  const lines = [
    `disk: ${name}`,
    `size: ${size} (${exactSize(BigInt(size))})`,
    `object size: ${objectBytes} (${exactSize(BigInt(objectBytes))})`,
    `stored: ${usage.objects} objects, ${roundedSize(usage.storedBytes)}${whose}`,
    `data: ${roundedSize(usage.dataBytes)}${whose}`,
    `writer: ${writer === undefined ? 'none' : `${printable(writer.label)}, with a lease of ${writer.leaseMs / 1000} s`} (epoch ${epoch})`,
    ...(origin === undefined ? [] : [`cloned from: ${origin.disk}@${origin.snapshot}`]),
    `created: ${isoTime(time)}`,
    `id: ${id}`,
    ...(snapshots.length === 0 ? [] : ['snapshots:']),
    ...snapshots.map((one) => {
      const pinned = one.pins.length === 0 ? '' : `, being cloned to ${one.pins.join(', ')}`;
      return `\t${one.name}: ${isoTime(one.time)}, ${exactSize(BigInt(one.size))}${pinned}`;
    }),
  ];
  return `${lines.join('\n')}\n`;
}

/** A manifest may have a time that no calendar has. */
function isoTime(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}
