/** The declarations of all packages, checked by the oldest compiler that is supported, by newer ones, and by the newest. */
import { beforeAll, describe, expect, it } from 'vitest';
import { doors, libraries } from './support/packages.ts';
import { Project } from './support/project.ts';
import { run } from './support/run.ts';
import { compilerPath, newest, versions } from './support/runtimes.ts';

const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--noEmit'];
/** With no library but that of the language, and with every declaration checked. */
const everything = [...strict, '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022', '--types', 'node'];

/** Modules can be required in TypeScript's eyes since 5.8. */
const canRequire = (version: string) => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 5 || minor >= 8;
};

const isNewest = (version: string) => version === versions.typescript.at(-1);

describe.each(versions.typescript)('TypeScript %s', (version) => {
  const project = new Project('types', newest);

  beforeAll(async () => {
    await project.npm(['install', '@types/node@20', ...libraries]);
    const every = `export const doors = [${doors.map((_, index) => `door${index}`)}];\n`;
    project.write(
      'doors.mts',
      doors.map((door, index) => `import * as door${index} from '${door}';\n`).join('') + every,
    );
    project.write(
      'doors.cts',
      doors.map((door, index) => `import door${index} = require('${door}');\n`).join('') + every,
    );
    project.write('program.mts', program);
    project.write('mistake.mts', `import { connect } from '@nbdjs/client';\nawait connect(5);\n`);
  });

  const check = async (...args: readonly string[]) => {
    await run(['node', compilerPath(version), ...everything, ...args], { cwd: project.folder });
  };

  it('`nodenext`', async () => {
    await check('--module', 'nodenext', 'doors.mts', 'program.mts');
    if (!isNewest(version)) return;
    // What finds no mistake has checked nothing.
    await expect(check('--module', 'nodenext', 'mistake.mts')).rejects.toThrow('mistake.mts(2,15): error TS2');
  });

  it('`bundler`', () => check('--module', 'esnext', '--moduleResolution', 'bundler', 'doors.mts', 'program.mts'));

  if (canRequire(version)) it('`nodenext`, required', () => check('--module', 'nodenext', 'doors.cts'));
});

/** Uses what has the most to infer. */
const program = `
import { connect, type ConnectOptions } from '@nbdjs/client';
import { copyDevice } from '@nbdjs/copy';
import { serve } from '@nbdjs/server';
import { createMemoryDevice, defineDevice, type BlockDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const ruler = defineDevice({ size: 4096, read: (offset, target) => { target.fill(Number(offset) & 0xff); } });
const devices: Record<string, BlockDevice> = { ruler, memory: createMemoryDevice({ size: 4096n }) };
const serving = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports: devices });
const port: number = serving.address.port;
const options: ConnectOptions = { reconnectDelayMs: 1000, onEvent: ({ type }) => console.log(type) };
const disk = await connect(serving.uri, options);
const bytes: Uint8Array = await disk.readBytes(0, 512);
for await (const { offset, length, status } of disk.extents()) console.log(offset + length, status, bytes, port);
const { readBytes } = await copyDevice(disk, createMemoryDevice({ size: 4096 }), { flush: true });
const total: bigint = readBytes;
await disk.close();
export { total };
`;
