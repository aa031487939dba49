/** Real servers, over each delivery. */
import type { ClientHandshakeOptions } from '@nbdjs/handshake';
import type { ExportFacts } from '@nbdjs/interfaces';
import {
  commandLine,
  describePeers,
  type Generation,
  makeRawImage,
  type PeerServer,
  type Program,
  startNbdkit,
  startNbdServer,
  startQemuNbd,
  Workspace,
} from '@nbdjs/peers';
import { capabilities } from '@nbdjs/syscalls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createConnector, type Delivery, type Negotiation, openNegotiation } from '../src/index.ts';
import { readOnce } from './support/read-once.ts';

const deliveries: readonly Delivery[] = capabilities().duplicateDescriptor
  ? ['inline', 'handed-over', 'kept']
  : ['inline', 'kept'];

const megabyte = 2 ** 20;

let workspace: Workspace;
let server: PeerServer | undefined;

function describeServer(program: Program, tests: (generation: Generation) => void): void {
  describePeers(program, [program], (generation) => {
    beforeEach(() => {
      workspace = new Workspace(generation);
      makeRawImage(workspace.hostPath('disk'), megabyte, [{ offset: 0, length: 4096 }]);
    });
    afterEach(async () => {
      await server?.stop();
      server = undefined;
      workspace[Symbol.dispose]();
    });
    tests(generation);
  });
}

/** Connects, reads once, and returns the facts. */
async function visit(delivery: Delivery, handshake: ClientHandshakeOptions = {}): Promise<ExportFacts> {
  const endpoint = { type: 'unix', path: (server as PeerServer).socketPath } as const;
  const { connector } = createConnector({ endpoint, handshake, delivery });
  try {
    const established = await connector.establish({ wait: true });
    await readOnce(established);
    established.channel.destroy();
    await established.channel.closed;
    return established.facts;
  } finally {
    connector.release();
  }
}

async function negotiating<Result>(use: (negotiation: Negotiation) => Promise<Result>): Promise<Result> {
  const negotiation = await openNegotiation({ type: 'unix', path: (server as PeerServer).socketPath });
  try {
    return await use(negotiation);
  } finally {
    negotiation.close();
  }
}

describeServer('qemu-nbd', (generation) => {
  const mode = generation === 'trixie' ? 'extended' : 'structured';
  const disk = { image: 'disk', format: 'raw', exportName: 'disk', description: 'a disk' } as const;

  it.each(deliveries)('is negotiated with: %s', async (delivery) => {
    server = await startQemuNbd(workspace, disk);
    const facts = await visit(delivery, { exportName: 'disk', fullInfo: true });
    expect(facts).toMatchObject({
      style: 'newstyle-fixed',
      mode,
      size: BigInt(megabyte),
      exportName: 'disk',
      description: 'a disk',
      contexts: [{ name: 'base:allocation' }],
    });
  });

  it.each(deliveries)('refuses an unknown export: %s', async (delivery) => {
    server = await startQemuNbd(workspace, disk);
    await expect(visit(delivery, { exportName: 'absent' })).rejects.toMatchObject({
      name: 'NegotiationError',
      code: 'ERR_NBD_UNKNOWN_EXPORT',
      permanent: true,
    });
  });

  it('answers questions before an export is opened', async () => {
    server = await startQemuNbd(workspace, disk);
    await negotiating(async (negotiation) => {
      expect(negotiation).toMatchObject({ style: 'newstyle-fixed', mode, tls: false });
      expect(await negotiation.list()).toEqual([{ name: 'disk', description: 'a disk' }]);
      expect(await negotiation.info('disk')).toMatchObject({ size: BigInt(megabyte) });
      await expect(negotiation.info('absent')).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
      expect(await negotiation.listMetaContexts('disk')).toEqual(['base:allocation']);
      const [context] = await negotiation.setMetaContexts('disk', ['base:allocation']);
      expect(context).toMatchObject({ name: 'base:allocation' });
      await expect(negotiation.go('absent')).rejects.toMatchObject({ code: 'ERR_NBD_UNKNOWN_EXPORT' });
      const established = await negotiation.go('disk');
      await readOnce(established);
      established.channel.destroy();
      await expect(negotiation.list()).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    });
  });

  it('works on after an abort', async () => {
    server = await startQemuNbd(workspace, disk);
    await negotiating((negotiation) => negotiation.abort());
    expect((await visit('inline', { exportName: 'disk' })).size).toBe(BigInt(megabyte));
  });
});

describeServer('nbdkit', () => {
  const ways: readonly [way: string, flags: readonly string[], facts: Partial<ExportFacts>][] = [
    ['without options', [], { style: 'newstyle-fixed', mode: 'structured' }],
    ['oldstyle', ['-o'], { style: 'oldstyle', mode: 'simple' }],
    ['neither fixed newstyle nor omitted zeroes', ['--mask-handshake=0'], { style: 'newstyle', mode: 'simple' }],
    ['zeroes not omitted', ['--mask-handshake=1'], { style: 'newstyle-fixed', mode: 'structured' }],
    ['without structured replies', ['--no-sr'], { style: 'newstyle-fixed', mode: 'simple' }],
  ];

  for (const [way, flags, facts] of ways) {
    it.each(deliveries)(`is negotiated with, ${way}: %s`, async (delivery) => {
      server = await startNbdkit(workspace, [...flags, 'memory', '1M']);
      expect(await visit(delivery)).toMatchObject({ ...facts, size: BigInt(megabyte) });
    });
  }

  it('has one export in the oldstyle', async () => {
    server = await startNbdkit(workspace, ['-o', 'memory', '1M']);
    await negotiating(async (negotiation) => {
      expect(negotiation.style).toBe('oldstyle');
      expect(await negotiation.list()).toEqual([{ name: '', description: '' }]);
      expect(await negotiation.info('')).toMatchObject({ size: BigInt(megabyte) });
      expect(await negotiation.listMetaContexts('')).toEqual([]);
      await expect(negotiation.go('other')).rejects.toMatchObject({ name: 'UsageError' });
      const established = await negotiation.go('');
      await readOnce(established);
      established.channel.destroy();
      await expect(negotiation.info('')).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
    });
  });

  it('opens its export but has no options in the plain newstyle', async () => {
    server = await startNbdkit(workspace, ['--mask-handshake=0', 'memory', '1M']);
    await negotiating(async (negotiation) => {
      expect(negotiation.style).toBe('newstyle');
      await expect(negotiation.list()).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
      const established = await negotiation.go('');
      await readOnce(established);
      established.channel.destroy();
    });
  });
});

describeServer('nbd-server', () => {
  it.each(deliveries)('is negotiated with: %s', async (delivery) => {
    server = await startNbdServer(workspace, [{ name: 'disk', image: 'disk' }]);
    expect(await visit(delivery, { exportName: 'disk' })).toMatchObject({
      style: 'newstyle-fixed',
      size: BigInt(megabyte),
    });
  });

  it('lists its exports', async () => {
    server = await startNbdServer(workspace, [{ name: 'disk', image: 'disk' }]);
    const exports = await negotiating((negotiation) => negotiation.list());
    expect(exports).toContainEqual({ name: 'disk', description: '' });
  });
});

describePeers('a command of ours', ['nbdkit'], (generation) => {
  it.runIf(capabilities().duplicateDescriptor)('is connected to on this thread', async () => {
    const command = commandLine('nbdkit', generation, ['--foreground', 'memory', '1M']);
    const { connector, delivery } = createConnector({
      endpoint: { type: 'command', command, mode: 'socket-activation' },
    });
    expect(delivery).toBe('inline');
    const established = await connector.establish({ wait: true });
    await readOnce(established);
    established.channel.destroy();
    await established.channel.closed;
    connector.release();
  });
});
