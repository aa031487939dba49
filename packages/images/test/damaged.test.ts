/** Damaged and hostile images: a clear error, in bounded time and memory. */
import { createMemoryDevice } from '@nbdjs/storage';
import { slowCrc32 } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { listTarMembers } from '../src/archives/index.ts';
import { nodeCodecs } from '../src/node/index.ts';
import { listPartitions, openPartition } from '../src/partitions/index.ts';
import { openVhd, writeVhdStream } from '../src/vhd/index.ts';
import { openVmdk, writeVmdkStream } from '../src/vmdk/index.ts';
import { deviceOf, filled, gather, readAt } from './support/memory-images.ts';

const sector = 512;

/** A boot record with entries of type, start and count, at a sector. */
function putRecord(
  disk: Buffer,
  at: number,
  entries: readonly (readonly [type: number, start: number, count: number])[],
) {
  for (const [index, [type, start, count]] of entries.entries()) {
    const place = at * sector + 446 + index * 16;
    disk[place + 4] = type;
    disk.writeUInt32LE(start, place + 8);
    disk.writeUInt32LE(count, place + 12);
  }
  disk.writeUInt16BE(0x55aa, at * sector + 510);
}

describe('tables of MBR', () => {
  it('whose extended partitions are a loop end where it closes', async () => {
    const disk = Buffer.alloc(2048 * sector);
    putRecord(disk, 0, [[0x0f, 100, 1000]]);
    putRecord(disk, 100, [
      [0x83, 1, 10],
      [0x05, 50, 100],
    ]);
    putRecord(disk, 150, [
      [0x83, 1, 10],
      [0x05, 0, 100],
    ]);
    const table = await listPartitions(deviceOf(disk));
    expect(table.partitions.map(({ number }) => number)).toEqual([1, 5, 6]);
    expect(table.problems).toEqual(['the extended boot record in sector 100 is a part of a loop']);
  });

  it('with thousands of extended boot records are read up to a limit', async () => {
    const disk = Buffer.alloc(2048 * sector);
    putRecord(disk, 0, [[0x05, 1, 2000]]);
    for (let at = 1; at < 2000; at++)
      putRecord(disk, at, [
        [0x83, 1, 1],
        [0x05, at, 1],
      ]);
    const table = await listPartitions(deviceOf(disk));
    expect(table.partitions.length).toBe(257);
    expect(table.problems).toEqual(['it has more than 256 logical partitions']);
  });

  it('with overlaps, and ends behind the disk, say so, and only what is there is opened', async () => {
    const disk = Buffer.alloc(2048 * sector);
    putRecord(disk, 0, [
      [0x83, 10, 100],
      [0x83, 50, 100],
      [0x83, 1000, 2 ** 32 - 1],
      [0x05, 4_000_000_000, 5],
    ]);
    const device = deviceOf(disk);
    const table = await listPartitions(device);
    expect(table.partitions.map(({ problems }) => problems.join())).toEqual([
      'it overlaps partition 2',
      'it overlaps partition 1',
      expect.stringMatching(/^it ends at byte \d+, and the disk at 1048576$/),
      expect.stringMatching(/^it ends at byte/),
    ]);
    expect(table.problems.join()).toMatch(/sector 4000000000 is past the end of the disk/);
    await expect(openPartition(device, 3)).rejects.toMatchObject({ code: 'ERR_NBD_IMAGE' });
    expect((await openPartition(device, 2)).geometry.size).toBe(51_200n);
  });

  it('that are none are refused in words', async () => {
    await expect(listPartitions(deviceOf(filled(65_536, 0)))).rejects.toThrow(/neither a boot record nor a GPT/);
    await expect(listPartitions(deviceOf(filled(100, 0)))).rejects.toThrow(/the disk has 100 bytes/);
    // A file system with the same signature.
    const fat = filled(65_536, 0x41);
    fat.set([0x55, 0xaa], 510);
    await expect(listPartitions(deviceOf(fat))).rejects.toMatchObject({ code: 'ERR_NBD_IMAGE' });
  });
});

describe('tables of GPT', () => {
  function gpt(change: (header: Buffer) => void = () => {}): Buffer {
    const disk = Buffer.alloc(200 * sector);
    putRecord(disk, 0, [[0xee, 1, 199]]);
    const entries = disk.subarray(2 * sector, 34 * sector);
    entries.fill(0x11, 0, 32);
    entries.writeBigUInt64LE(40n, 32);
    entries.writeBigUInt64LE(49n, 40);
    const header = disk.subarray(sector, 2 * sector);
    header.write('EFI PART');
    header.writeUInt32LE(0x1_0000, 8);
    header.writeUInt32LE(92, 12);
    header.writeBigUInt64LE(1n, 24);
    header.writeBigUInt64LE(199n, 32);
    header.writeBigUInt64LE(34n, 40);
    header.writeBigUInt64LE(160n, 48);
    header.writeBigUInt64LE(2n, 72);
    header.writeUInt32LE(128, 80);
    header.writeUInt32LE(128, 84);
    header.writeUInt32LE(slowCrc32(entries), 88);
    change(header);
    header.writeUInt32LE(0, 16);
    header.writeUInt32LE(slowCrc32(header.subarray(0, 92)), 16);
    return disk;
  }

  it('are read without a copy at the end, and say that it is missing', async () => {
    const table = await listPartitions(deviceOf(gpt()));
    expect(table.partitions).toMatchObject([{ number: 1, offset: 20_480n, length: 5120n }]);
    expect(table.problems.join()).toMatch(/the copy is damaged: the header in sector 199: it has no signature/);
  });

  it.each([
    ['a wrong place', (header: Buffer) => header.writeBigUInt64LE(7n, 24), /it says that it is in sector 7/],
    ['billions of entries', (header: Buffer) => header.writeUInt32LE(2 ** 32 - 1, 80), /4294967295 entries/],
    ['entries of 4 GiB', (header: Buffer) => header.writeUInt32LE(2 ** 32 - 8, 84), /entries have 4294967288 bytes/],
    ['entries behind the end', (header: Buffer) => header.writeBigUInt64LE(2n ** 63n, 72), /past the end of the disk/],
    ['a header of 1 GiB', (header: Buffer) => header.writeUInt32LE(2 ** 30, 12), /it has 1073741824 bytes/],
  ])('with %s are refused, with both reasons', async (_name, change, words) => {
    await expect(listPartitions(deviceOf(gpt(change)))).rejects.toThrow(words);
    await expect(listPartitions(deviceOf(gpt(change)))).rejects.toThrow(/both copies of the GPT.*the one at the end/);
  });
});

describe('VMDKs', () => {
  const disk = () => {
    const device = createMemoryDevice({ size: 2 ** 20 });
    device.write(0, filled(200_000, 7));
    return device;
  };
  const image = () => gather(writeVmdkStream(disk(), { codecs: nodeCodecs }));

  async function open(change: (file: Buffer) => Buffer | undefined) {
    const file = await image();
    return openVmdk(deviceOf(change(file) ?? file), { codecs: nodeCodecs });
  }

  const inBoth = (change: (header: Buffer) => void) => (file: Buffer) => {
    change(file);
    change(file.subarray(file.length - 1024));
    return file;
  };

  it.each([
    ['cut off', (file: Buffer) => file.subarray(0, 70_000), /the footer at byte|KDMV/],
    ['cut in the header', (file: Buffer) => file.subarray(0, 300), /bytes 0 to 512 are not inside/],
    ['of version 9', (file: Buffer) => void file.writeUInt32LE(9, 4), /VMDK of version 9/],
    ['with line ends that were changed', (file: Buffer) => void file.fill(0x0a, 75, 77), /transferred as a text/],
    ['with no grains', inBoth((file) => file.writeBigUInt64LE(0n, 20)), /grains have 0 sectors/],
    ['with grains of 2^40 sectors', inBoth((file) => file.writeBigUInt64LE(2n ** 40n, 20)), /grains have \d+ sectors/],
    ['with tables of no entry', inBoth((file) => file.writeUInt32LE(0, 44)), /grain tables have 0 entries/],
    ['of 2^63 sectors', inBoth((file) => file.writeBigUInt64LE(2n ** 63n, 12)), /expected fewer than 2\^44/],
    ['of 2^43 sectors', inBoth((file) => file.writeBigUInt64LE(2n ** 43n, 12)), /grain directory: it ends at byte/],
    ['with compression 5', inBoth((file) => file.writeUInt16LE(5, 77)), /VMDK with compression 5/],
    [
      'with text in place of its parent',
      (file: Buffer) => void file.write('parentCID=zzzz', file.indexOf('parentCID')),
      /parentCID is/,
    ],
  ])('%s are refused in words', async (_name, change, words) => {
    await expect(open((file) => change(file) as Buffer | undefined)).rejects.toThrow(words);
  });

  it('with a damaged grain fail the reads of it, and no others', async () => {
    const device = await open((file) => void file.fill(0xff, 65_536 + 14, 65_536 + 40));
    await expect(readAt(device, 0, 10)).rejects.toMatchObject({ code: 'EIO' });
    await expect(readAt(device, 0, 10)).rejects.toThrow(/the grain at byte 65536/);
    expect((await readAt(device, 65_536, 10))[0]).toBe(7);
    await device.close();
  });

  it('whose tables lead outside of the file fail the reads there', async () => {
    const device = await open((file) => {
      // The table of grain tables is before the footer, and has one entry.
      file.writeUInt32LE(0xffff_fff0, file.length - 4 * sector);
      return file;
    });
    await expect(readAt(device, 0, 10)).rejects.toThrow(/past the end of the file/);
    await device.close();
  });

  it('that refer to other files are refused without a resolver, and close what they have opened when they fail', async () => {
    const text = (lines: string) =>
      Buffer.from(`# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n${lines}\n`);
    const two = text('RW 100 FLAT "a" 0\nRW 100 FLAT "../../etc/passwd" 0');
    await expect(openVmdk(deviceOf(two))).rejects.toThrow(/refers to the extent 'a'/);
    const opened = [createMemoryDevice({ size: 51_200 }), createMemoryDevice({ size: 100 })];
    let index = 0;
    const resolve = () => opened[index++] as (typeof opened)[number];
    await expect(openVmdk(deviceOf(two), { resolve })).rejects.toThrow(/extent 2 \('..\/..\/etc\/passwd'\)/);
    for (const device of opened) expect(() => device.read(0, new Uint8Array(1))).toThrow(/closed/);
    await expect(openVmdk(deviceOf(text('RW 1 SESPARSE "a"')))).rejects.toThrow(/extent of type SESPARSE/);
    await expect(openVmdk(deviceOf(text('')))).rejects.toThrow(/it has no extent/);
    await expect(openVmdk(deviceOf(text('RW 99999999999999999999 ZERO')))).rejects.toThrow(
      /an extent of 9{20} sectors/,
    );
  });
});

describe('VHDs', () => {
  async function open(change: (file: Buffer) => void) {
    const disk = createMemoryDevice({ size: 5 * 2 ** 20 });
    disk.write(3 * 2 ** 20, filled(10, 3));
    const file = await gather(writeVhdStream(disk, { id: filled(16, 1) }));
    change(file);
    // Headers with right checksums, so that it is their fields that are judged.
    for (const [at, length, field] of [
      [0, 512, 64],
      [512, 1024, 36],
      [file.length - 512, 512, 64],
    ] as const) {
      file.writeUInt32BE(0, at + field);
      file.writeUInt32BE(~file.subarray(at, at + length).reduce((sum, byte) => sum + byte, 0) >>> 0, at + field);
    }
    return openVhd(deviceOf(file));
  }

  it.each([
    ['with no block size', (file: Buffer) => file.writeUInt32BE(0, 512 + 32), /blocks have 0 bytes/],
    ['with a huge table', (file: Buffer) => file.writeUInt32BE(2 ** 32 - 1, 512 + 28), /the table of blocks has/],
    ['with a table that is too short', (file: Buffer) => file.writeUInt32BE(1, 512 + 28), /which has 5242880/],
    ['with a table outside', (file: Buffer) => file.writeBigUInt64BE(2n ** 60n, 512 + 16), /the table of blocks has/],
    [
      'of type 9',
      (file: Buffer) => [file.writeUInt32BE(9, 60), file.writeUInt32BE(9, file.length - 452)],
      /VHD of type 9/,
    ],
    [
      'with a header outside',
      (file: Buffer) => [file.writeBigUInt64BE(2n ** 61n, file.length - 496)],
      /not inside of the file/,
    ],
    [
      'without the name of its parent',
      (file: Buffer) => file.writeUInt32BE(4, file.length - 452),
      /without a name of its parent/,
    ],
  ])('%s are refused in words', async (_name, change, words) => {
    await expect(open((file) => void change(file))).rejects.toThrow(words);
  });

  it('whose blocks lead outside of the file fail the reads there, and no others', async () => {
    const device = await open((file) => file.writeUInt32BE(0x7fff_ffff, 1536));
    await expect(readAt(device, 0, 10)).rejects.toMatchObject({ code: 'EIO' });
    expect((await readAt(device, 3 * 2 ** 20, 1))[0]).toBe(3);
    await device.close();
  });
});

describe('archives', () => {
  it('that are none, or whose headers say the impossible, are refused in words', async () => {
    await expect(listTarMembers(deviceOf(filled(10_240, 1)))).rejects.toThrow(/its checksum is wrong/);
    await expect(listTarMembers(deviceOf(filled(10_240, 0)))).rejects.toThrow(/it is empty/);
    await expect(listTarMembers(deviceOf(filled(100, 1)))).rejects.toThrow(/bytes 0 to 512 are not inside/);
  });
});
