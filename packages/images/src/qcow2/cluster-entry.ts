/** An L2 entry as data, with its codec ("Cluster descriptor"). */
import { damage } from './damage.ts';
import { Incompatible } from './features.ts';
import type { Qcow2Header } from './header.ts';

/** What an L2 entry says of a cluster. */
export interface ClusterEntry {
  /** Where the cluster is stored, in bytes; -1: nowhere. Of a compressed one: where its bytes begin. */
  readonly host: number;
  /** Nothing else refers to the cluster: it can be changed in place. */
  readonly isOwn: boolean;
  /** The most bytes that the compressed cluster has in the file; 0: it is not compressed. */
  readonly packedBytes: number;
  /** A bit for each unit that is stored. */
  readonly stored: number;
  /** A bit for each unit that is zero, whatever is stored. */
  readonly zero: number;
}

/** What entries are like in an image. */
export interface EntryFormat {
  readonly clusterBits: number;
  /** 16 bytes each, and 32 units of a cluster instead of 1. */
  readonly isExtended: boolean;
  /** Clusters are in a file of their own, where one may be at byte 0. */
  readonly hasDataFile: boolean;
  /** Version 2 has no clusters of zeroes. */
  readonly hasZeroFlag: boolean;
}

/** What entries are like in an image with this header. */
export function entryFormat({ clusterBits, incompatible, version }: Qcow2Header): EntryFormat {
  return {
    clusterBits,
    isExtended: (incompatible & Incompatible.ExtendedL2) !== 0n,
    hasDataFile: (incompatible & Incompatible.ExternalData) !== 0n,
    hasZeroFlag: version > 2,
  };
}

/** Nothing is stored. */
export const absentEntry: ClusterEntry = { host: -1, isOwn: false, packedBytes: 0, stored: 0, zero: 0 };

const high = 2 ** 32;
const compressedFlag = 0x4000_0000;
const ownFlag = 0x8000_0000;

/** The units of a cluster, all of them: the bits of `stored` and `zero`. */
export function allUnits({ isExtended }: EntryFormat): number {
  return isExtended ? 0xffff_ffff : 1;
}

/** @throws CommandError `EIO` when it is damaged. */
export function decodeEntry(view: DataView, at: number, format: EntryFormat, place: number): ClusterEntry {
  const top = view.getUint32(at);
  const low = view.getUint32(at + 4);
  if ((top & compressedFlag) !== 0) {
    if (format.hasDataFile) throw damaged(place, 'it is compressed, and the data are in a file of their own');
    const bits = 62 - (format.clusterBits - 8) - 32;
    const word = top & 0x3fff_ffff;
    const host = (word & ((1 << bits) - 1)) * high + low;
    const packedBytes = ((word >>> bits) + 1) * 512 - (host % 512);
    return { host, isOwn: false, packedBytes, stored: allUnits(format), zero: 0 };
  }
  const cluster = (top & 0x00ff_ffff) * high + ((low & ~511) >>> 0);
  const isOwn = (top & ownFlag) !== 0;
  const isStored = cluster !== 0 || (format.hasDataFile && isOwn);
  if (cluster % 2 ** format.clusterBits !== 0) {
    throw damaged(place, `its data at byte ${cluster} are not at the start of a cluster`);
  }
  const host = isStored ? cluster : -1;
  if (!format.isExtended) {
    const isZero = (low & 1) !== 0;
    if (isZero && !format.hasZeroFlag) throw damaged(place, 'it is a cluster of zeroes, which version 2 does not have');
    return { host, isOwn, packedBytes: 0, stored: isStored && !isZero ? 1 : 0, zero: isZero ? 1 : 0 };
  }
  const zero = view.getUint32(at + 8);
  const stored = view.getUint32(at + 12);
  if ((zero & stored) !== 0) throw damaged(place, 'a subcluster is both stored and zero');
  if (stored !== 0 && !isStored) throw damaged(place, 'a subcluster is stored, and the cluster is not');
  return { host, isOwn, packedBytes: 0, stored, zero };
}

/** Entries of clusters that are not compressed. */
export function encodeEntry(view: DataView, at: number, entry: ClusterEntry, { isExtended }: EntryFormat): void {
  const { host, isOwn, stored, zero } = entry;
  const top = host < 0 ? 0 : (isOwn ? ownFlag : 0) | Math.floor(host / high);
  view.setUint32(at, top >>> 0);
  view.setUint32(at + 4, (host < 0 ? 0 : host % high) | (isExtended ? 0 : zero));
  if (!isExtended) return;
  view.setUint32(at + 8, zero);
  view.setUint32(at + 12, stored);
}

function damaged(place: number, message: string): Error {
  return damage(`the L2 entry at byte ${place}`, message);
}
