/** The partitions of a disk, from its first sectors: GPT, else MBR. */

export interface Partition {
  readonly number: number;
  /** In bytes. */
  readonly offset: number;
  /** In bytes. */
  readonly size: number;
  readonly type: string;
}

const sectorBytes = 512;
/** The header of GPT is in sector 1, and its entries usually begin in sector 2: 128 of 128 bytes. */
export const tableBytes = 34 * sectorBytes;
const entriesMax = 128;

/** The first bytes of GPT's types, as they are on the disk. */
const gptTypes: Readonly<Record<string, string>> = {
  '28732ac1': 'EFI system',
  af3dc60f: 'Linux',
  a2a0d0eb: 'Windows data',
  '6dfd5706': 'Linux swap',
  '79d3d6e6': 'Linux LVM',
  '48616821': 'BIOS boot',
};

const mbrTypes: Readonly<Record<number, string>> = {
  7: 'NTFS or exFAT',
  11: 'FAT32',
  12: 'FAT32',
  130: 'Linux swap',
  131: 'Linux',
  142: 'Linux LVM',
  239: 'EFI system',
};

/** Reads the tables; nothing where there are none. What is wrong in them is left out: a page only shows them. */
export function findPartitions(start: Uint8Array): readonly Partition[] {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  if (start.length < tableBytes || view.getUint16(510, true) !== 0xaa55) return [];
  const text = String.fromCharCode(...start.subarray(sectorBytes, sectorBytes + 8));
  return text === 'EFI PART' ? gptEntries(view, start) : mbrEntries(view);
}

function gptEntries(view: DataView, start: Uint8Array): Partition[] {
  const first = Number(view.getBigUint64(sectorBytes + 72, true)) * sectorBytes;
  const count = Math.min(view.getUint32(sectorBytes + 80, true), entriesMax);
  const length = view.getUint32(sectorBytes + 84, true);
  const found: Partition[] = [];
  for (let index = 0; index < count; index++) {
    const at = first + index * length;
    if (length < 128 || at + 128 > start.length) break;
    const type = Array.from(start.subarray(at, at + 4), (byte) => byte.toString(16).padStart(2, '0')).join('');
    if (type === '00000000') continue;
    const [from, to] = [view.getBigUint64(at + 32, true), view.getBigUint64(at + 40, true)];
    if (to < from) continue;
    const name = new TextDecoder('utf-16le').decode(start.subarray(at + 56, at + 128)).replace(/\0.*$/s, '');
    found.push({
      number: index + 1,
      offset: Number(from) * sectorBytes,
      size: Number(to - from + 1n) * sectorBytes,
      type: [gptTypes[type] ?? `type ${type}`, name].filter((part) => part !== '').join(': '),
    });
  }
  return found;
}

function mbrEntries(view: DataView): Partition[] {
  return [0, 1, 2, 3].flatMap((index) => {
    const at = 446 + 16 * index;
    const type = view.getUint8(at + 4);
    if (type === 0) return [];
    return {
      number: index + 1,
      offset: view.getUint32(at + 8, true) * sectorBytes,
      size: view.getUint32(at + 12, true) * sectorBytes,
      type: mbrTypes[type] ?? `type ${type.toString(16)}`,
    };
  });
}
