/** Which files are opened as images, and which files images may refer to (decision 46). */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { describePeers } from '@nbdjs/peers';
import { expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { endLast, inWorkspace, serve, workspace } from './serving.ts';
import { peer } from './serving-peers.ts';

function path(name: string): string {
  return workspace.hostPath(name);
}

/** Makes an image of a disk of 1 MiB whose first sector has this byte. */
async function create(name: string, byte: number, ...words: readonly string[]): Promise<void> {
  await peer('qemu-img', 'create', '-q', '-f', 'qcow2', ...words, workspace.peerPath(name), '1M');
  await peer('qemu-io', '-f', 'qcow2', '-c', `write -P ${byte} 0 512`, workspace.peerPath(name));
}

/** Makes an image over a name, which need not be there, and is not checked. */
async function createOver(name: string, backing: string, format = 'qcow2'): Promise<void> {
  const words = ['-q', '-f', 'qcow2', '-u', '-b', backing, '-F', format, workspace.peerPath(name), '1M'];
  await peer('qemu-img', 'create', ...words);
}

async function firstByte(...words: readonly string[]): Promise<{ readonly byte: number; readonly stderr: string }> {
  const { code, stderr } = await nbd('copy', ...words, path('out.img'));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return { byte: readFileSync(path('out.img'))[0] as number, stderr };
}

async function refusal(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await nbd(...words);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^(nbd: warning: [^\n]+\n)?nbd: [^\n]+\n$/);
  return stderr;
}

describePeers('the format of a file', ['qemu-img', 'qemu-io', 'nbdinfo'], (generation) => {
  inWorkspace(generation);

  it('is raw, for writing, where only the content says otherwise', async () => {
    await create('guest.img', 7);
    const bytes = readFileSync(path('guest.img'));
    const uri = await serve(path('guest.img'));
    expect(await peer('nbdinfo', '--size', uri())).toBe(`${bytes.length}\n`);
    expect(await peer('nbdinfo', uri())).toContain('is_read_only: false');
    await peer('qemu-io', '-f', 'raw', '-c', 'write -P 1 0 512', uri());
    expect(readFileSync(path('guest.img')).subarray(0, 512)).toEqual(Buffer.alloc(512, 1));
    expect((await endLast())?.stderr).toContain(`warning: ${path('guest.img')}: taken as the bytes it has`);
  });

  it('is what the content says, for reading, with a warning, and refers to no other file', async () => {
    await create('guest.img', 7);
    expect(await firstByte(path('guest.img'))).toMatchObject({ byte: 7, stderr: expect.stringContaining('warning') });
    expect(await firstByte('--format', 'raw', path('guest.img'))).toEqual({ byte: 0x51, stderr: '' });
    expect(await firstByte('--format', 'qcow2', path('guest.img'))).toEqual({ byte: 7, stderr: '' });
    await create('secret.qcow2', 9);
    await createOver('hostile.img', 'secret.qcow2');
    expect(await refusal('copy', path('hostile.img'), 'null:')).toContain('which is opened only when');
    expect((await firstByte('--format', 'qcow2', path('hostile.img'))).byte).toBe(9);
  });

  it('is raw where the name says so', async () => {
    await create('guest.raw', 7);
    expect(await firstByte(path('guest.raw'))).toEqual({ byte: 0x51, stderr: '' });
  });

  it.each(['qcow2', 'vmdk', 'vhdx', 'vhd', 'gz', 'vdi'])(
    'is asked for where the name says .%s and the content not',
    async (end) => {
      writeFileSync(path(`a.${end}`), Buffer.alloc(4096));
      for (const command of ['serve', 'info', 'dump']) {
        expect(await refusal(command, path(`a.${end}`))).toContain('--format says what it is');
      }
      expect((await firstByte('--format', 'raw', path(`a.${end}`))).byte).toBe(0);
    },
  );

  it('is not guessed for formats that cannot be read', async () => {
    for (const [format, word] of [
      ['vdi', 'VDI'],
      ['qcow', 'qcow version 1'],
    ]) {
      await peer('qemu-img', 'create', '-q', '-f', format as string, workspace.peerPath(`a.${format}`), '1M');
      expect(await refusal('info', path(`a.${format}`))).toContain(`images of ${word} cannot be read here`);
    }
    const qed = await refusal('copy', '--format', 'qed', path('a.vdi'), 'null:');
    expect(qed).toContain("'qed' is not a format that is known here, expected one of raw, qcow2");
  });

  it('of a destination is refused where it cannot be written', async () => {
    writeFileSync(path('a.img'), Buffer.alloc(4096));
    for (const end of ['vhdx', 'gz', 'vdi']) {
      const message = await refusal('copy', path('a.img'), path(`b.${end}`));
      expect(message).toContain('cannot be written here');
    }
    expect(await refusal('copy', '--checkpoint', path('c'), path('a.img'), path('b.vmdk'))).toContain('--checkpoint');
    expect(await refusal('copy', path('a.img'), '--destination-format', 'vhd', 'nbd://h')).toContain('only a file');
    copyFileSync(path('a.img'), path('same.vmdk'));
    const same = await refusal('copy', '--format', 'raw', path('same.vmdk'), path('same.vmdk'));
    expect(same).toContain('is the source, and would be replaced');
    expect(readdirSync(path('.')).filter((name) => name.endsWith('.part'))).toEqual([]);
  });
});

describePeers('the files that images refer to', ['qemu-img', 'qemu-io'], (generation) => {
  inWorkspace(generation);

  it('have to be below the folder of the image, also behind links', async () => {
    mkdirSync(path('own'));
    mkdirSync(path('own/deeper'));
    await create('outside.qcow2', 5);
    await create('own/deeper/inside.qcow2', 6);
    await createOver('own/near.qcow2', 'deeper/inside.qcow2');
    await createOver('own/far.qcow2', '../outside.qcow2');
    await createOver('own/absolute.qcow2', path('outside.qcow2'));
    await createOver('own/linked.qcow2', 'link.qcow2');
    symlinkSync('../outside.qcow2', path('own/link.qcow2'));
    expect((await firstByte(path('own/near.qcow2'))).byte).toBe(6);
    for (const name of ['far', 'absolute', 'linked']) {
      const file = path(`own/${name}.qcow2`);
      expect(await refusal('copy', file, 'null:')).toMatch(/it refers to .* which is not below .*\/own; --references/);
      expect((await firstByte('--references', 'all', file)).byte).toBe(5);
      expect((await firstByte('--references', path('.'), file)).byte).toBe(5);
      expect(await refusal('copy', '--references', path('own/deeper'), file, 'null:')).toContain('is not below');
    }
    expect(await refusal('copy', '--references', 'deny', path('own/near.qcow2'), 'null:')).toContain('is deny');
    // What the image says about itself is shown all the same.
    const { code, stdout, stderr } = await nbd('info', path('own/far.qcow2'));
    expect({ code, stdout }).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('backing file: ../outside.qcow2'),
    });
    expect(stderr).toContain('is not below');
  });

  it('may not refer to each other in a circle, and have to be files that are there', async () => {
    await createOver('a.qcow2', 'b.qcow2');
    await createOver('b.qcow2', 'c.qcow2');
    await createOver('c.qcow2', './a.qcow2');
    expect(await refusal('dump', path('a.qcow2'))).toMatch(
      /in a circle: \S+a\.qcow2 -> \S+b\.qcow2 -> \S+c\.qcow2 -> \S+a\.qcow2/,
    );
    await createOver('self.qcow2', 'self.qcow2');
    expect(await refusal('dump', path('self.qcow2'))).toContain('in a circle');
    await createOver('lost.qcow2', 'nowhere.qcow2');
    expect(await refusal('dump', path('lost.qcow2'))).toContain("'nowhere.qcow2': no such file or directory");
    await createOver('folder.qcow2', '.');
    expect(await refusal('dump', path('folder.qcow2'))).toContain('not below');
    for (const name of [
      'json:{"driver":"file","filename":"/etc/passwd"}',
      'nbd://localhost',
      'fat:/etc',
      'ssh://h/x',
    ]) {
      await createOver('other.qcow2', name, 'raw');
      expect(await refusal('dump', path('other.qcow2'))).toContain('which is not the name of a file');
    }
    await createOver('first.qcow2', 'file:second.qcow2');
    await create('second.qcow2', 3);
    expect((await firstByte(path('first.qcow2'))).byte).toBe(3);
  });

  it('are as many as a chain may have', async () => {
    await create('0.qcow2', 4);
    for (let level = 1; level <= 64; level++) {
      // A copy with another name below it is as good as one made by QEMU.
      if (level === 1) await createOver('1.qcow2', '00.qcow2');
      else {
        const bytes = readFileSync(path('1.qcow2'));
        bytes.write(String(level - 1).padStart(2, '0'), bytes.indexOf('00.qcow2'));
        writeFileSync(path(`${String(level).padStart(2, '0')}.qcow2`), bytes);
      }
    }
    renameSync(path('0.qcow2'), path('00.qcow2'));
    renameSync(path('1.qcow2'), path('01.qcow2'));
    expect((await firstByte(path('63.qcow2'))).byte).toBe(4);
    expect(await refusal('dump', path('64.qcow2'))).toContain('a chain of more than 64 images');
  });

  it('have the format that the image says, or that their names and contents say', async () => {
    await create('base.img', 8);
    await createOver('raw.qcow2', 'base.img', 'raw');
    expect((await firstByte(path('raw.qcow2'))).byte).toBe(0x51);
    await createOver('stated.qcow2', 'base.img', 'qcow2');
    expect((await firstByte(path('stated.qcow2'))).byte).toBe(8);
    await createOver('odd.qcow2', 'base.img', 'qed');
    expect(await refusal('dump', path('odd.qcow2'))).toContain("of the format 'qed', which cannot be read here");
  });
});
