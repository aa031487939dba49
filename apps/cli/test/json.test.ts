/** What commands print with `--json` is what the schemas, and so the docs, say. */
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { beforeEach, describe, expect, it } from 'vitest';
import { allPages, type ManualPage } from '../src/manual/page.ts';
import { nbd, nbdWith } from './harness.ts';
import { inWorkspace, serve, workspace } from './serving.ts';

const folder = new URL('../schemas/', import.meta.url);

interface Schema {
  readonly [name: string]: unknown;
  readonly 'x-commands'?: readonly string[];
}

const schemas = new Map(
  readdirSync(folder).map((name) => {
    const schema: Schema = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    return [name.replace('.schema.json', ''), schema] as const;
  }),
);

/** Members that the schema does not name are an error here: they would be missing in the docs. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, strict(value)]));
  return 'properties' in inner && 'type' in inner ? { additionalProperties: false, ...inner } : inner;
}

const ajv = new Ajv2020({ strict: true, keywords: ['x-commands', 'x-form'], allowUnionTypes: true });
const validators = new Map<string, ValidateFunction>();

function expectValid(name: string, value: unknown): void {
  const validate = validators.get(name) ?? ajv.compile(strict(schemas.get(name)) as object);
  validators.set(name, validate);
  validate(value);
  expect({ name, value, errors: faultsOf(validate) }).toEqual({ name, value, errors: [] });
}

function faultsOf({ errors }: ValidateFunction): readonly string[] {
  return (errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message}: ${JSON.stringify(params)}`,
  );
}

/** Runs a command, whose output is one value. */
async function expectPrinted(name: string, ...argv: readonly string[]): Promise<void> {
  const { stdout, stderr } = await nbd(...argv);
  expect(stdout, stderr).not.toBe('');
  expectValid(name, JSON.parse(stdout));
}

/** The same for one object a line. */
function expectLines(name: string, text: string): void {
  const lines = text.trimEnd().split('\n');
  for (const line of lines) expectValid(name, JSON.parse(line));
}

inWorkspace('bookworm');

let uri: string;
let image: string;

/** An image with some data, on a server. */
async function serveDisk(): Promise<void> {
  image = workspace.hostPath('disk.qcow2');
  writeFileSync(workspace.hostPath('raw.img'), Buffer.alloc(2 ** 20, 7));
  await expectPrinted('create', 'create', '--json', image, '1M');
  expect(await nbd('copy', workspace.hostPath('raw.img'), image)).toMatchObject({ code: 0 });
  uri = (await serve(`disk=${image}`))('disk');
}

describe('the schemas', () => {
  it('are there for every command with --json', async () => {
    const program: ManualPage = JSON.parse((await nbd('manual', '--format', 'json')).stdout);
    const commands = allPages(program).filter(({ options }) => options.some(({ flags }) => flags === '--json'));
    const described = [...schemas.values()].flatMap((schema) => schema['x-commands'] ?? []);
    const missing = commands.filter(({ name }) => !described.some((line) => line.startsWith(`${name} `)));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it('refuse members that they do not name, and miss those that have to be there', () => {
    const good = { algorithm: 'md5', digest: 'ab', bytes: 1, readBytes: 1 };
    const { digest, ...cut } = good;
    expectValid('hash', good);
    expect(() => expectValid('hash', { ...good, other: 1 })).toThrow();
    expect(() => expectValid('hash', cut)).toThrow();
    expect(() => expectValid('hash', { ...good, digest: digest.toUpperCase() })).toThrow();
  });
});

describe('JSON', () => {
  beforeEach(serveDisk);

  it('of servers', async () => {
    await expectPrinted('info', 'info', '--json', uri);
    await expectPrinted('info', 'info', '--json', '--list', uri);
    await expectPrinted('map', 'info', '--json', '--map', uri);
    await expectPrinted('map-totals', 'info', '--json', '--map', '--totals', uri);
  });

  it('of maps', async () => {
    const both = ['--context', 'base:allocation', '--context', 'qemu:allocation-depth'];
    for (const contexts of [[], both]) {
      await expectPrinted('map', 'map', '--json', ...contexts, uri);
      await expectPrinted('map-totals', 'map', '--json', '--totals', ...contexts, uri);
    }
  });

  it('of changes', async () => {
    const abort = new AbortController();
    const watching = nbdWith({ signal: abort.signal, hear: () => abort.abort() }, 'map', '--watch=0.1', '--json', uri);
    // The first look may come before or after this.
    await new Promise((resolve) => setTimeout(resolve, 300));
    await nbd('zero', '--yes', '--length', '128k', uri);
    const { stdout } = await watching;
    expectLines('map-changes', stdout);
  });

  it('of copies, comparisons and hashes', async () => {
    await expectPrinted('copy', 'copy', '--json', '--verify', uri, workspace.hostPath('copy.img'));
    const [state, changes] = ['copy.state', 'copy.changes'].map((name) => workspace.hostPath(name)) as [string, string];
    await expectPrinted('copy', 'copy', '--json', '--state', state, uri, workspace.hostPath('copy.img'));
    await expectPrinted('copy', 'copy', '--json', '--after', state, uri, changes);
    await expectPrinted('copy', 'copy', '--json', '--apply', changes, workspace.hostPath('copy.img'));
    await expectPrinted('compare', 'compare', '--json', '--all', uri, workspace.hostPath('copy.img'));
    writeFileSync(workspace.hostPath('other.img'), 'other');
    await expectPrinted('compare', 'compare', '--json', uri, workspace.hostPath('other.img'));
    await expectPrinted('compare', 'compare', '--json', '--strict', uri, workspace.hostPath('other.img'));
    await expectPrinted('hash', 'hash', '--json', uri);
    await expectPrinted('hash', 'hash', '--json', '--block-hash', uri);
    const lines = workspace.hostPath('progress');
    const fd = openSync(lines, 'w');
    await nbd('copy', `--progress=json:${fd}`, uri, 'null:');
    closeSync(fd);
    expectLines('progress', readFileSync(lines, 'utf8'));
  });

  it('of loads', async () => {
    const lines = workspace.hostPath('figures');
    const fd = openSync(lines, 'w');
    const load = ['--read', '50%', '--flush-every', '10', '--time', '1.2', '--rate', '200', '--yes', '--verify'];
    await expectPrinted('bench', 'bench', '--json', `--progress=json:${fd}`, ...load, uri);
    closeSync(fd);
    expectLines('bench-progress', readFileSync(lines, 'utf8'));
    await expectPrinted('bench', 'bench', '--json', '--count', '50', '--rounds', '2', '--warm-up', '0', uri, uri);
  });

  it('of images', async () => {
    const overlay = workspace.hostPath('overlay.qcow2');
    await expectPrinted('create', 'create', '--json', '--backing', 'disk.qcow2', overlay);
    await expectPrinted('info-image', 'info', '--json', overlay);
    await expectPrinted('info-image', 'info', '--json', workspace.hostPath('raw.img'));
    await expectPrinted('check-image', 'check-image', '--json', overlay);
    await expectPrinted('resize', 'resize', '--json', overlay, '2M');
  });

  it('of stores', async () => {
    const disk = `folder:${workspace.hostPath('store')}#d`;
    for (const words of [
      ['create', disk, '16M'],
      ['snapshot', `${disk}@s`],
      ['clone', `${disk}@s`, 'e'],
    ]) {
      expect(await nbd('objects', ...words)).toMatchObject({ code: 0 });
    }
    const store = disk.replace('#d', '');
    await expectPrinted('objects-list', 'objects', 'list', '--json', store);
    await expectPrinted('objects-info', 'objects', 'info', '--json', `${store}#e`);
    await expectPrinted('objects-info', 'info', '--json', disk);
    await expectPrinted('objects-gc', 'objects', 'gc', '--json', '--yes', store);
    await expectPrinted('objects-fsck', 'objects', 'fsck', '--json', store);
  });
});

describe('JSON of examinations and sessions', { tags: ['slow'] }, () => {
  beforeEach(serveDisk);

  it('of a server', async () => {
    await expectPrinted('check', 'check', '--json', '--only', 'greeting', '--only', 'reads', uri);
  });

  it('of a client', async () => {
    const words = [
      'check',
      '--client',
      '--json',
      '--only',
      'C67/simple-only',
      '--',
      process.execPath,
      '-e',
      'process.exit(1)',
    ];
    await expectPrinted('check-client', ...words, '{uri}');
  });

  it('of recorded sessions', async () => {
    const abort = new AbortController();
    const recording = workspace.hostPath('session.rec');
    const socket = workspace.socketPath('proxy');
    const words = ['proxy', '--print-uri', '--json', '--record', recording, '--socket', socket, uri];
    let isListening = (): void => {};
    const listening = new Promise<void>((resolve) => {
      isListening = resolve;
    });
    const proxying = nbdWith({ signal: abort.signal, hear: isListening }, ...words);
    await listening;
    await nbd('dump', '--length', '512', `nbd+unix:///disk?socket=${socket}`);
    abort.abort();
    const { stdout } = await proxying;
    // The first line is the URI.
    expectLines('session', stdout.slice(stdout.indexOf('\n') + 1));
    for (const how of [[], ['--requests'], ['--stats']]) {
      expectLines('session', (await nbd('trace', '--json', ...how, recording)).stdout);
    }
    expectLines('replay', (await nbd('replay', '--json', recording, uri)).stdout);
  });
});
