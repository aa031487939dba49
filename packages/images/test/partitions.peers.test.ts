/** Partition tables that sfdisk makes, read by us. */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createWorkspace, describePeers, type Workspace } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { listPartitions, openPartition, type PartitionTable } from '../src/partitions/index.ts';
import { makeDisk, openAt, readWhole, succeed } from './support/peer-images.ts';

const sectorBytes = 512;
const size = 64 * 2 ** 20;

const gptScript = `label: gpt
label-id: 0FC63DAF-1111-4772-8E79-3D69D8477DE4
start=2048, size=4096, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI of größe"
start=8192, size=40960, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="root", attrs="LegacyBIOSBootable"
start=57344, size=2048, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F
`;

const mbrScript = `label: dos
label-id: 0xdeadbeef
start=2048, size=4096, type=83, bootable
start=8192, size=81920, type=5
start=10240, size=2048, type=82
start=14336, size=4096, type=83
start=20480, size=2048, type=7
`;

interface SfdiskTable {
  readonly label: string;
  readonly id: string;
  readonly partitions: readonly {
    readonly node: string;
    readonly start: number;
    readonly size: number;
    readonly type: string;
    readonly uuid?: string;
    readonly name?: string;
    readonly bootable?: boolean;
  }[];
}

/** Expects that our table is the one that sfdisk reads. */
async function expectAsSfdisk(workspace: Workspace, table: PartitionTable, name = 'disk.raw'): Promise<void> {
  const text = await succeed(workspace, 'sfdisk', ['--json', `@${name}`]);
  const theirs = (JSON.parse(text) as { partitiontable: SfdiskTable }).partitiontable;
  const isGpt = theirs.label === 'gpt';
  expect(table).toMatchObject({ scheme: isGpt ? 'gpt' : 'mbr', id: theirs.id.replace(/^0x/, '') });
  expect(
    table.partitions.map(({ number, offset, length, type, id, name: text }) => ({
      number,
      start: Number(offset) / sectorBytes,
      size: Number(length) / sectorBytes,
      type,
      id,
      name: text,
    })),
  ).toEqual(
    theirs.partitions.map((one) => ({
      number: Number(/(\d+)$/.exec(one.node)?.[1]),
      start: one.start,
      size: one.size,
      type: isGpt ? one.type : one.type.padStart(2, '0'),
      id: one.uuid,
      name: one.name,
    })),
  );
}

async function make(workspace: Workspace, script: string): Promise<void> {
  makeDisk(workspace, 'disk.raw', 1, size);
  await succeed(workspace, 'sfdisk', ['-q', '@disk.raw'], Buffer.from(script));
}

describePeers('partitions', ['sfdisk'], (generation) => {
  it('of GPT are those of sfdisk, and each has its bytes', async () => {
    await using workspace = createWorkspace(generation);
    await make(workspace, gptScript);
    const disk = await openAt(workspace, 'disk.raw');
    const table = await listPartitions(disk);
    await expectAsSfdisk(workspace, table);
    expect(table.problems).toEqual([]);
    expect(table.partitions[0]).toMatchObject({ typeName: 'EFI System', name: 'EFI of größe', isBootable: false });
    expect(table.partitions[1]).toMatchObject({ isBootable: true, problems: [] });
    const second = await openPartition(disk, 2);
    const whole = readFileSync(workspace.hostPath('disk.raw'));
    const expected = whole.subarray(8192 * sectorBytes, (8192 + 40_960) * sectorBytes);
    expect(Buffer.compare(await readWhole(second), expected)).toBe(0);
    await second.close();
  });

  it('of a GPT whose first copy is damaged come from the one at the end', async () => {
    await using workspace = createWorkspace(generation);
    await make(workspace, gptScript);
    const path = workspace.hostPath('disk.raw');
    const disk = await openAt(workspace, 'disk.raw');
    const good = await listPartitions(disk);
    // A bit of an entry, of the header, and then the whole header.
    for (const [offset, bytes] of [
      [2 * sectorBytes + 33, 1],
      [sectorBytes + 72, 1],
      [sectorBytes, sectorBytes],
    ] as const) {
      const fd = openSync(path, 'r+');
      writeSync(fd, new Uint8Array(bytes).fill(0xff), 0, bytes, offset);
      closeSync(fd);
      const table = await listPartitions(disk);
      expect(table.partitions).toEqual(good.partitions);
      expect(table.problems.join()).toMatch(/the copy at the end of the disk is used/);
    }
    await disk.close();
  });

  it('of a GPT on a disk that has grown are still there, and the copy is missed', async () => {
    await using workspace = createWorkspace(generation);
    await make(workspace, gptScript);
    const fd = openSync(workspace.hostPath('disk.raw'), 'r+');
    ftruncateSync(fd, size + 2 ** 20);
    closeSync(fd);
    const disk = await openAt(workspace, 'disk.raw');
    const table = await listPartitions(disk);
    expect(table.partitions.length).toBe(3);
    expect(table.problems.join()).toMatch(/the copy is in sector 131071, and the last sector is 133119/);
    await disk.close();
  });

  it('of MBR are those of sfdisk, the logical ones too, and each has its bytes', async () => {
    await using workspace = createWorkspace(generation);
    await make(workspace, mbrScript);
    const disk = await openAt(workspace, 'disk.raw');
    const table = await listPartitions(disk);
    await expectAsSfdisk(workspace, table);
    expect(table.partitions.map(({ kind }) => kind)).toEqual(['primary', 'extended', 'logical', 'logical', 'logical']);
    expect(table.partitions[0]?.isBootable).toBe(true);
    const whole = readFileSync(workspace.hostPath('disk.raw'));
    const sixth = await openPartition(disk, 6);
    const start = 14_336 * sectorBytes;
    const expected = whole.subarray(start, start + 4096 * sectorBytes);
    expect(Buffer.compare(await readWhole(sixth), expected)).toBe(0);
    await expect(openPartition(disk, 2)).rejects.toThrow(/extended/);
    await expect(openPartition(disk, 3)).rejects.toThrow('there is no partition 3; there are 1, 2, 5, 6, 7');
    await sixth.close();
  });
});
