/** @module-tag slow */
/** Our own server under examination: no false finding, whatever it serves, and however it is reached. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockDevice, ByteChannel } from '@nbdjs/interfaces';
import { createServer, type ServerOptions } from '@nbdjs/server';
import { createBlockSizeLayer, createMemoryDevice, openFileDevice } from '@nbdjs/storage';
import { createMemoryPair, createTlsClient, serverTls } from '@nbdjs/transport';
import { expect, it } from 'vitest';
import { type ExaminationReport, type ExaminedServer, type ExamineOptions, examineServer } from '../src/index.ts';

const size = 4 * 2 ** 20;
const everything: ExamineOptions = { destructive: true, risky: true };

function openerOf(options: ServerOptions): ExaminedServer {
  const server = createServer(options);
  return {
    open() {
      const [ours, theirs] = createMemoryPair();
      void server.accept(theirs);
      return ours;
    },
  };
}

/** What is not kept, in a form that a failing test shows well. */
function faultsOf({ findings }: ExaminationReport): readonly string[] {
  return findings
    .filter(({ verdict }) => verdict !== 'kept' && verdict !== 'not applicable')
    .map(({ rule, mode, verdict, text }) => `${verdict}: ${rule.id} ${mode ?? ''}: ${text}`);
}

it('finds nothing wrong with a device in memory, and nearly all rules apply to it', async () => {
  const device = createMemoryDevice({ size });
  const report = await examineServer(openerOf({ exports: { '': { device } } }), everything);
  expect(faultsOf(report)).toEqual([]);
  expect(report.problem).toBeUndefined();
  expect(report.exports.map(({ mode }) => mode)).toEqual(['simple', 'structured', 'extended']);
  expect(report.counts.kept).toBeGreaterThan(210);
});

it('finds nothing wrong with an export that is read-only', async () => {
  const device = createMemoryDevice({ size });
  const server = { ...openerOf({ exports: { disk: { device, readOnly: true } } }), exportName: 'disk' };
  const report = await examineServer(server, everything);
  expect(faultsOf(report)).toEqual([]);
  expect(report.findings.find(({ rule }) => rule.id === 'S53/trim')?.verdict).toBe('kept');
});

it('finds nothing wrong with a file, nor with a smallest block of 4096 bytes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exam-'));
  const file = await openFileDevice(join(folder, 'disk'), { create: true, size: 40 * 2 ** 20 });
  const blocks = createBlockSizeLayer(createMemoryDevice({ size }), { minimumBlockSize: 4096 });
  try {
    for (const device of [file, blocks] as readonly BlockDevice[]) {
      const report = await examineServer(openerOf({ exports: { '': { device } } }), everything);
      expect(faultsOf(report)).toEqual([]);
    }
  } finally {
    await file.close();
    rmSync(folder, { recursive: true });
  }
});

it.each(['require', 'allow'] as const)('finds nothing wrong in TLS, with the mode %s', async (mode) => {
  const key = new Uint8Array(32).fill(7);
  const tls = serverTls({ mode, psk: { keys: { alice: key } } });
  const opener = openerOf({ exports: { '': { device: createMemoryDevice({ size }) } }, tls });
  const client = createTlsClient({ psk: { user: 'alice', key } });
  // Each connection costs a handshake of TLS, so once for all rules is enough.
  const only = mode === 'require' ? [] : ['greeting', 'options', 'tls', 'info', 'modes'];
  const server = { ...opener, startTls: (channel: ByteChannel) => client.upgrade(channel) };
  const report = await examineServer(server, { ...everything, only });
  expect(faultsOf(report)).toEqual([]);
  expect([report.tls, report.usedTls]).toEqual([mode === 'require' ? 'required' : 'optional', true]);
  const verdicts = new Map(report.findings.map(({ rule, verdict }) => [rule.id, verdict]));
  expect(verdicts.get(mode === 'require' ? 'S24/go' : 'S27/reset')).toBe('kept');
  expect(verdicts.get('S26/second-starttls')).toBe('kept');
});

it('examines what a server that requires TLS does in the clear, and says that the rest needs TLS', async () => {
  const tls = serverTls({ psk: { keys: { alice: new Uint8Array(32) } } });
  const report = await examineServer(openerOf({ exports: { '': { device: createMemoryDevice({ size }) } }, tls }));
  expect(faultsOf(report)).toEqual([]);
  expect(report.problem).toMatch(/requires TLS/);
  expect(report.counts.kept).toBeGreaterThan(10);
});

it('says so when there is no such export, and blames the server for nothing', async () => {
  const server = openerOf({ exports: { disk: { device: createMemoryDevice({ size }) } } });
  const report = await examineServer({ ...server, exportName: 'other' });
  expect(faultsOf(report)).toEqual([]);
  expect(report.problem).toMatch(/cannot be opened: GO is refused: ERR_UNKNOWN/);
});
