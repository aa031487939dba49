/** ISO images that genisoimage makes, read by us. */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createWorkspace, describeTools, makeRawImage, runCommandLine } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { listIsoFiles, openIsoFile } from '../src/archives/index.ts';
import { openAt, readWhole } from './support/peer-images.ts';

const longName = 'a rather long name of a file, with größe.img';

describeTools('ISO images', ['genisoimage'], () => {
  it.each([
    ['with Rock Ridge', ['-R'], longName],
    ['with Joliet', ['-J', '-joliet-long', '-input-charset', 'utf-8'], longName],
    ['with both', ['-R', '-J', '-joliet-long', '-input-charset', 'utf-8'], longName],
    ['with plain names', ['-input-charset', 'utf-8'], 'A_RATHER.IMG'],
  ] as const)('%s have their files', async (_name, options, expected) => {
    await using workspace = createWorkspace('bookworm');
    const root = workspace.hostPath('root');
    mkdirSync(`${root}/images/empty`, { recursive: true });
    makeRawImage(`${root}/images/disk.raw`, 300_000, [{ offset: 0, length: 300_000 }]);
    writeFileSync(`${root}/images/${longName}`, 'long');
    for (let index = 0; index < 80; index++) writeFileSync(`${root}/images/file${index}`, String(index));
    const image = workspace.hostPath('cd.iso');
    const made = await runCommandLine(['genisoimage', '-quiet', ...options, '-o', image, root]);
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const device = await openAt(workspace, 'cd.iso');
    const files = await listIsoFiles(device);
    expect(files.length).toBe(84);
    const isPlain = options.length === 2;
    const folder = isPlain ? 'IMAGES' : 'images';
    const paths = files.map(({ path }) => path);
    expect(paths).toContain(folder);
    expect(paths).toContain(`${folder}/${expected}`);
    const disk = await openIsoFile(device, `/${folder}/${isPlain ? 'DISK.RAW' : 'disk.raw'}`);
    expect(Buffer.compare(await readWhole(disk), readFileSync(`${root}/images/disk.raw`))).toBe(0);
    await expect(openIsoFile(device, folder)).rejects.toThrow(/a folder, and no file/);
    await expect(openIsoFile(device, 'nothing')).rejects.toThrow(/there is no file 'nothing'/);
    await device.close();
    truncateSync(image, 33 * 1024);
    const cut = await openAt(workspace, 'cd.iso');
    await expect(listIsoFiles(cut)).rejects.toMatchObject({ code: 'ERR_NBD_IMAGE' });
    await cut.close();
  });
});
