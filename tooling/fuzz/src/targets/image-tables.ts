/** Partition tables, archives and ISO images: they come from anywhere. */
import { listIsoFiles, listTarMembers, openIsoFile, openTarMember } from '@nbdjs/images/archives';
import { listPartitions, openPartition } from '@nbdjs/images/partitions';
import { slowCrc32 } from '@nbdjs/testkit';
import { insist, type Target } from '../target.ts';
import { deviceOf, expectToSay, use } from './image-use.ts';

const sector = 512;

function mbr(entries: readonly (readonly [type: number, start: number, count: number])[]): Buffer {
  const record = Buffer.alloc(sector);
  for (const [index, [type, start, count]] of entries.entries()) {
    record[446 + index * 16 + 4] = type;
    record.writeUInt32LE(start, 446 + index * 16 + 8);
    record.writeUInt32LE(count, 446 + index * 16 + 12);
  }
  record.writeUInt16BE(0x55aa, 510);
  return record;
}

function gpt(): Buffer {
  const header = Buffer.alloc(sector);
  header.write('EFI PART');
  header.writeUInt32LE(0x1_0000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(60n, 32);
  header.writeBigUInt64LE(50n, 48);
  header.writeBigUInt64LE(2n, 72);
  header.writeUInt32LE(16, 80);
  header.writeUInt32LE(128, 84);
  const entries = Buffer.alloc(4 * sector);
  entries.fill(0x11, 0, 32);
  entries.writeBigUInt64LE(10n, 32);
  entries.writeBigUInt64LE(19n, 40);
  entries.write('r\0o\0o\0t\0', 56);
  return Buffer.concat([mbr([[0xee, 1, 60]]), header, entries, Buffer.alloc(20 * sector)]);
}

const partitions: Target = {
  name: 'image-partitions',
  corpus: () => [
    gpt(),
    Buffer.concat([
      mbr([
        [0x83, 1, 2],
        [0x05, 3, 9],
      ]),
      Buffer.alloc(2 * sector),
      mbr([
        [0x83, 1, 1],
        [0x05, 2, 2],
      ]),
      Buffer.alloc(sector),
      mbr([
        [0x83, 1, 1],
        [0x05, 0, 2],
      ]),
    ]),
  ],
  run: ({ seed, bytes }) =>
    expectToSay(async () => {
      const disk = Buffer.from(bytes);
      const isGpt = disk.length >= 2 * sector && disk.toString('latin1', sector, sector + 8) === 'EFI PART';
      if (isGpt && seed % 8 !== 0) {
        const [count, length] = [disk.readUInt32LE(sector + 80), disk.readUInt32LE(sector + 84)];
        if (count * length < disk.length)
          disk.writeUInt32LE(slowCrc32(disk.subarray(2 * sector, 2 * sector + count * length)), sector + 88);
        disk.writeUInt32LE(0, sector + 16);
        disk.writeUInt32LE(slowCrc32(disk.subarray(sector, sector + 92)), sector + 16);
      }
      const device = deviceOf(disk);
      const table = await listPartitions(device);
      insist(table.partitions.length <= 40_000, 'partitions without end');
      for (const { number } of table.partitions.slice(0, 8)) {
        await expectToSay(async () => await use(await openPartition(device, number), seed));
      }
    }),
};

function tar(): Buffer {
  const block = Buffer.alloc(sector);
  block.write('disk.raw', 0);
  block.write('00000001000\0', 124);
  block.write('        0', 148);
  block.write('ustar\0', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([block, Buffer.alloc(sector, 'x'), Buffer.alloc(2 * sector)]);
}

const archives: Target = {
  name: 'image-tar',
  corpus: () => [tar(), Buffer.concat([tar().subarray(0, 2 * sector), tar()])],
  run: ({ seed, bytes }) =>
    expectToSay(async () => {
      const archive = Buffer.from(bytes);
      if (seed % 8 !== 0 && archive.length >= sector) {
        archive.write('        ', 148);
        const sum = archive.subarray(0, sector).reduce((total, byte) => total + byte, 0);
        archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      }
      const device = deviceOf(archive);
      for (const { name } of (await listTarMembers(device)).slice(0, 8)) {
        await expectToSay(async () => await use(await openTarMember(device, name), seed));
      }
    }),
};

/** A record of a folder: a file or folder of so many bytes, from a sector on. */
function isoRecord(name: string, at: number, length: number, flags: number): Buffer {
  const record = Buffer.alloc(Math.ceil((33 + name.length) / 2) * 2);
  record[0] = record.length;
  record.writeUInt32LE(at, 2);
  record.writeUInt32LE(length, 10);
  record[25] = flags;
  record[32] = name.length;
  record.write(name, 33, 'latin1');
  return record;
}

function iso(): Buffer {
  const image = Buffer.alloc(22 * 2048);
  for (const [at, type] of [
    [16, 1],
    [17, 255],
  ] as const) {
    image[at * 2048] = type;
    image.write('CD001', at * 2048 + 1);
  }
  isoRecord('\0', 18, 2048, 2).copy(image, 16 * 2048 + 156);
  const folder = (own: number, ...records: readonly Buffer[]): void => {
    Buffer.concat([isoRecord('\0', own, 2048, 2), isoRecord('\x01', 18, 2048, 2), ...records]).copy(image, own * 2048);
  };
  folder(18, isoRecord('A.TXT;1', 20, 3000, 0), isoRecord('SUB', 19, 2048, 2));
  folder(19, isoRecord('B.;1', 20, 10, 0x80), isoRecord('B.;1', 21, 10, 0));
  return image;
}

const isos: Target = {
  name: 'image-iso',
  // What comes before the descriptors is empty, and would be most of each input.
  corpus: () => [iso().subarray(16 * 2048)],
  run: ({ seed, bytes }) =>
    expectToSay(async () => {
      const device = deviceOf(Buffer.concat([Buffer.alloc(16 * 2048), bytes]));
      for (const { path } of (await listIsoFiles(device)).slice(0, 8)) {
        await expectToSay(async () => await use(await openIsoFile(device, path), seed));
      }
    }),
};

export const imageTables: readonly Target[] = [partitions, archives, isos];
