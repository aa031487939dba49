import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { openFileDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import { formatEncrypted, openEncrypted } from './encrypted-device.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const image = join(folder, 'disk.img');
const path = join(folder, 'socket');
const secret = 'the quick brown fox';

const fresh = await openFileDevice(image, { create: true, size: 2 ** 20 });
await formatEncrypted(fresh, 'correct horse battery staple');
await fresh.close();

const device = await openEncrypted(await openFileDevice(image), 'correct horse battery staple');
const serving = await serve({ type: 'unix', path }, { listen, exports: { disk: device } });
const disk = await connect({ path, exportName: 'disk' });
await disk.write(0, new TextEncoder().encode(secret));
await disk.flush();
console.log(`the client reads: ${new TextDecoder().decode(await disk.readBytes(0, secret.length))}`);
await disk.close();
await serving.close();
await device.close();
console.log(`the file has it in clear text: ${readFileSync(image).includes(secret)}`);

const file = await openFileDevice(image, { readOnly: true });
await openEncrypted(file, 'a guess').catch((error: Error) => console.log(error.message));
await file.close();
rmSync(folder, { recursive: true });
