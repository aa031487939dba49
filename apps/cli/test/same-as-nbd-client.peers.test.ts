/**
 * What docs/options-of-others.md says of nbd-client to be the same is the same, as far as servers see it: without the kernel's module, both
 * programs come to an error only after they have connected. The virtual machine of tooling/attach-vm tries `nbd attach` with devices.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describePeers, runPeer, startNbdkit } from '@nbdjs/peers';
import { describe, expect, it } from 'vitest';
import { nbd } from './harness.ts';
import { answers } from './same-as.ts';
import { expectTestOfEachRow } from './same-rows.ts';
import { writeTlsFolders } from './tls-folders.ts';
import { startServing } from './tls-serving.ts';
import { inWorkspace, workspace } from './workspace.ts';

/** A test for each of them is below. */
const tried = ['-name NAME', '-unix PATH', '-tlshostname NAME', '-h', '-V'];

/** With the module, the programs would make devices of the machine that runs the tests. */
const hasModule = existsSync('/sys/module/nbd') || existsSync('/sys/block/nbd0');
const noDriver = /has no NBD driver/;

describe('nbd-client', () => {
  expectTestOfEachRow('nbd-client', tried);

  describePeers(
    'asks for the same',
    ['nbd-client', 'nbdkit'],
    (generation) => {
      inWorkspace(generation);

      it('-h and -V', async () => {
        for (const [word, mine] of [
          ['-h', ['attach', '-h']],
          ['--help', ['attach', '--help']],
          ['-V', ['-V']],
          ['--version', ['--version']],
        ] as const) {
          const theirs = await runPeer('nbd-client', generation, [word]);
          const ours = await nbd(...mine);
          expect([theirs.code, ours.code]).toEqual([0, 0]);
          // Theirs goes to either output.
          expect(answers(ours)).toEqual({ isAnswered: `${theirs.stdout}${theirs.stderr}` !== '', stderr: '' });
        }
      });

      it.skipIf(hasModule)('-name and -unix; -list and -check of the better ones', async () => {
        const log = workspace.peerPath('opened');
        // The parameters of `open`: read-only, the name of the export, TLS.
        const open = `open=echo "$3 $4" >> ${log}`;
        const exports = 'list_exports=echo NAMES; echo disk; echo other';
        await using server = await startNbdkit(workspace, ['eval', open, exports, 'get_size=echo 1M', 'pread=exit 1']);
        const opened = () => readFileSync(workspace.hostPath('opened'), 'utf8').split('\n').filter(Boolean);
        for (const name of ['disk', '', 'a b']) {
          const before = existsSync(workspace.hostPath('opened')) ? opened().length : 0;
          const words = ['-u', server.peerSocketPath, '-N', name, '/dev/nbd0'];
          expect(await runPeer('nbd-client', generation, words)).toMatchObject({ code: 1 });
          expect(opened().slice(before)).toEqual([`${name} false`]);
          const ours = await nbd('attach', server.uri(name), '/dev/nbd0');
          expect(ours).toMatchObject({ code: 1, stderr: expect.stringMatching(noDriver) });
          expect(opened().slice(before)).toEqual([`${name} false`, `${name} false`]);
        }
        const listed = (await runPeer('nbd-client', generation, ['-l', '-u', server.peerSocketPath])).stdout.toString();
        const { exports: shown } = JSON.parse((await nbd('info', '--list', '--json', server.uri())).stdout) as {
          exports: Record<string, unknown>[];
        };
        const names = shown.map((one) => String(one['export-name']));
        expect(names).toEqual(['disk', 'other']);
        expect(listed.split('\n').slice(1).filter(Boolean)).toEqual(names);
        const check = await runPeer('nbd-client', generation, ['-c', '/dev/nbd0']);
        const ours = await nbd('list', '/dev/nbd0');
        expect([check.code, check.stdout.toString(), ours.code, ours.stdout]).toEqual([1, '', 1, '']);
      });

      it.skipIf(hasModule)('-tlshostname; -certfile, -keyfile and -cacertfile of the better ones', async () => {
        writeTlsFolders(workspace);
        const server = ['--bind', '127.0.0.1', '--port', '0', '--tls-certificates', '@good', '--tls-verify-peer', '-v'];
        const serving = await startServing(workspace, server);
        const port = String('port' in serving.place ? serving.place.port : 0);
        const pem = (name: string): string => workspace.peerPath(`good/${name}.pem`);
        const files = ['-A', pem('ca-cert'), '-F', pem('client-cert'), '-K', pem('client-key')];
        for (const [hostname, isRight] of [
          ['storage.example', true],
          ['elsewhere.example', false],
        ] as const) {
          const words = ['127.0.0.1', port, '-N', '', ...files, '-H', hostname, '/dev/nbd0'];
          const theirs = await runPeer('nbd-client', generation, words);
          expect(theirs.code).toBe(1);
          // It goes on to the kernel, or ends in the handshake.
          expect(/netlink family/.test(theirs.stderr), theirs.stderr).toBe(isRight);
          const folder = ['--tls-certificates', workspace.hostPath('good')];
          const ours = await nbd(
            'attach',
            ...folder,
            '--tls-hostname',
            hostname,
            `nbds://127.0.0.1:${port}`,
            '/dev/nbd0',
          );
          expect(ours.code).toBe(1);
          expect(noDriver.test(ours.stderr), ours.stderr).toBe(isRight);
        }
        await serving.end();
      });
    },
    ['trixie'],
  );
});
