/** @module-tag slow */
/** Real servers under examination: what is known of them is found, and they are accused of nothing else. */
import {
  createWorkspace,
  describePeers,
  makeRawImage,
  type PeerServer,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
} from '@nbdjs/peers';
import { connectUnix } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { type ExaminationReport, type ExamineOptions, examineServer } from '../src/index.ts';

const mebi = 2 ** 20;
const image = 'disk';

async function examine(server: PeerServer, exportName: string, options: ExamineOptions): Promise<ExaminationReport> {
  const { socketPath } = server;
  return await examineServer({ exportName, open: ({ signal }) => connectUnix(socketPath, { signal }) }, options);
}

/** The rules with one of these verdicts, each once. */
function rulesWith({ findings }: ExaminationReport, ...verdicts: readonly string[]): readonly string[] {
  return [...new Set(findings.filter(({ verdict }) => verdicts.includes(verdict)).map(({ rule }) => rule.id))].sort();
}

function textOf({ findings }: ExaminationReport, id: string): string {
  return findings.find(({ rule, verdict }) => rule.id === id && verdict !== 'not applicable')?.text ?? '';
}

describePeers('qemu-nbd under examination', ['qemu-nbd'], (generation) => {
  const discouraged = ['S29/trailing-bytes', 'S54/write-behind-the-end'];

  it('answers EINVAL for ENOSPC, and not all that is in flight at DISC; nothing else is wrong', async () => {
    await using workspace = createWorkspace(generation);
    makeRawImage(workspace.hostPath(image), 8 * mebi, [{ offset: 0, length: mebi }]);
    await using server = await startQemuNbd(workspace, { image, format: 'raw' });
    const report = await examine(server, '', { destructive: true });
    // Whether all replies come before the connection is closed depends on how busy the machine is.
    expect(rulesWith(report, 'broken', 'inconclusive').filter((id) => id !== 'S52/outstanding')).toEqual([]);
    expect(rulesWith(report, 'discouraged')).toEqual(discouraged);
    expect(textOf(report, 'S54/write-behind-the-end')).toBe('it failed with EINVAL, expected ENOSPC');
  });

  it('answers EINVAL for EPERM', async () => {
    await using workspace = createWorkspace(generation);
    makeRawImage(workspace.hostPath(image), 8 * mebi, []);
    await using server = await startQemuNbd(workspace, { image, format: 'raw', readOnly: true });
    const report = await examine(server, '', { only: ['read-only', 'greeting', 'info'] });
    expect(rulesWith(report, 'broken', 'inconclusive')).toEqual([]);
    expect(rulesWith(report, 'discouraged')).toEqual(['S53/write']);
    expect(textOf(report, 'S53/write')).toBe('it failed with EINVAL, expected EPERM');
  });

  if (generation === 'trixie') {
    it('goes down by a payload of BLOCK_STATUS without a selection, which is asked for only with `risky`', async () => {
      await using workspace = createWorkspace(generation);
      makeRawImage(workspace.hostPath(image), 8 * mebi, []);
      await using server = await startQemuNbd(workspace, { image, format: 'raw' });
      const spared = await examine(server, '', { only: ['S74/filter-without-selection'] });
      expect(rulesWith(spared, 'broken', 'inconclusive')).toEqual([]);
      const report = await examine(server, '', { only: ['S74/filter-without-selection'], risky: true });
      expect(rulesWith(report, 'broken')).toEqual(['S74/filter-without-selection']);
      expect(textOf(report, 'S74/filter-without-selection')).toMatch(/no client is served any more/);
    });
  }
});

describePeers('nbdkit under examination', ['nbdkit'], (generation) => {
  it('refuses reads of no bytes, which is allowed, and sends some errors in simple replies', async () => {
    await using workspace = createWorkspace(generation);
    await using server = await startNbdkit(workspace, { plugin: 'memory', parameters: ['8M'] });
    const report = await examine(server, '', { destructive: true, timeoutMs: 1500 });
    // Some versions wait for the client to close the connection after DISC: it depends on which thread reads next.
    const closing = ['S52/disc', 'S52/outstanding'];
    expect(rulesWith(report, 'broken', 'inconclusive').filter((id) => !closing.includes(id))).toEqual([]);
    expect(rulesWith(report, 'discouraged')).toEqual(
      expect.arrayContaining(['S29/trailing-bytes', 'S38/errors-by-chunks']),
    );
    expect(textOf(report, 'S58/zero-length')).toBe('a read of no bytes fails with EINVAL, which is allowed');
  });

  if (generation === 'trixie') {
    it('goes down by FAST_ZERO where it is not announced, which is asked for only with `risky`', async () => {
      await using workspace = createWorkspace(generation);
      makeRawImage(workspace.hostPath(image), 8 * mebi, []);
      // The filter takes the announcement away, whatever the filesystem can.
      const parameters = [workspace.peerPath(image), 'zeromode=plugin', 'fastzeromode=none'];
      await using server = await startNbdkit(workspace, { filters: ['nozero'], plugin: 'file', parameters });
      const only = ['S59/fast-zero-not-announced'];
      const report = await examine(server, '', { only, destructive: true, risky: true });
      expect(rulesWith(report, 'broken')).toEqual(only);
      expect(textOf(report, 'S59/fast-zero-not-announced')).toMatch(/no client is served any more/);
    });
  }
});

describePeers('nbd-server under examination', ['nbd-server'], (generation) => {
  it('reports a size of 0 by INFO, does not answer ABORT, and accepts unknown flags', async () => {
    await using workspace = createWorkspace(generation);
    makeRawImage(workspace.hostPath(image), 8 * mebi, []);
    await using server = await startNbdServer(workspace, [{ name: 'disk', image, flush: true, fua: true }]);
    const only = ['greeting', 'S4/abort', 'S8/same', 'S38/read-errors-by-chunks', 'S46/df'];
    const report = await examine(server, 'disk', { only, timeoutMs: 1000 });
    const broken = ['S2/unknown-flag', 'S4/abort', 'S8/same'];
    expect(rulesWith(report, 'broken')).toEqual(
      generation === 'trixie' ? [...broken, 'S38/read-errors-by-chunks', 'S46/df'].sort() : broken,
    );
    expect(textOf(report, 'S8/same')).toBe(`INFO has the size 0, and GO ${8 * mebi}`);
  });
});
