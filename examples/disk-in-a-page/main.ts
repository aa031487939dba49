import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from '@nbdjs/client';
import { webOpener } from '@nbdjs/websocket/node';
import { createDemoDisk } from './demo-disk.ts';
import { startSite } from './site.ts';

const token = randomBytes(16).toString('hex');
await using site = await startSite({ exports: { disk: await createDemoDisk() }, token });

if (process.argv.includes('--stay')) {
  console.log(`open ${site.url}#token=${token} in a browser; Ctrl-C ends this`);
  await once(process, 'SIGINT');
} else {
  // What a browser would ask for, and the same disk by Node.
  for (const path of ['', 'page.css', 'page.js']) {
    const { status, headers } = await fetch(`${site.url}${path}`);
    console.log(`/${path}: ${status}, ${headers.get('content-type')}`);
  }
  const url = new URL('nbd', site.url.replace(/^http/, 'ws'));
  const disk = await connect({ ...webOpener(url, { token }), exportName: 'disk' });
  console.log(`by WebSocket: ${disk.geometry.size} bytes`);
  await disk.close();
  const refusal = await connect({ ...webOpener(url, { token: 'wrong' }), exportName: 'disk' }).catch((error) => error);
  console.log(`with a wrong token: ${refusal.name}`);
}
