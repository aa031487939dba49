/** Disk images over HTTP: uploaded, listed, downloaded and deleted. Each is an export of the NBD server in the worker. */

import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Fastify, { type FastifyInstance } from 'fastify';
import { imagePath, isDiskName } from './images.ts';
import { NbdThread } from './nbd-thread.ts';

export interface ServiceOptions {
  /** The folder of the images; made when it is missing. */
  readonly folder: string;
  /** Where the NBD server listens. @default '127.0.0.1' */
  readonly nbdHost?: string | undefined;
  /** @default 0: any free port */
  readonly nbdPort?: number | undefined;
  /** The longest image, in bytes. @default 16 GiB */
  readonly imageBytesMax?: number | undefined;
}

interface DiskRoute {
  readonly Params: { readonly name: string };
}

/** Starts the NBD server, and returns the service, which does not listen yet. `service.close()` ends both. */
export async function createService(options: ServiceOptions): Promise<FastifyInstance> {
  const { folder, nbdHost = '127.0.0.1', nbdPort = 0, imageBytesMax = 16 * 2 ** 30 } = options;
  await mkdir(folder, { recursive: true });
  const nbd = await NbdThread.start({ folder, host: nbdHost, port: nbdPort });
  const service = Fastify({ bodyLimit: imageBytesMax, forceCloseConnections: true });
  service.addHook('onClose', () => nbd.close());
  const describe = async (name: string) => ({
    name,
    sizeBytes: (await stat(imagePath(folder, name))).size,
    uri: `nbd://${nbdHost}:${nbd.port}/${name}`,
  });

  // The body of an upload stays a stream; bodies of another type are refused.
  service.removeAllContentTypeParsers();
  service.addContentTypeParser('application/octet-stream', (_request, body, done) => done(null, body));
  service.addHook<DiskRoute>('preHandler', async ({ params }, reply) => {
    if (params.name !== undefined && !isDiskName(params.name)) {
      return reply.code(400).send({ error: 'a name has lower-case letters, digits and hyphens, 63 at most' });
    }
  });
  service.setErrorHandler((error: NodeJS.ErrnoException & { statusCode?: number }, _request, reply) => {
    const status = error.code === 'ENOENT' ? 404 : error.code === 'EEXIST' ? 409 : (error.statusCode ?? 500);
    return reply.code(status).send({ error: status === 404 ? 'there is no such disk' : error.message });
  });

  service.get('/health', async (_request, reply) => {
    if (nbd.failure === undefined) return { nbd: 'serving' };
    return reply.code(503).send({ nbd: nbd.failure.message });
  });

  service.get('/disks', async () => {
    const names = (await readdir(folder)).filter((file) => file.endsWith('.img')).map((file) => file.slice(0, -4));
    return await Promise.all(names.sort().map(describe));
  });

  service.put<DiskRoute & { Body: Readable }>('/disks/:name', async ({ params: { name }, body }, reply) => {
    const upload = join(folder, `${randomUUID()}.upload`);
    try {
      await pipeline(body, limit(imageBytesMax), createWriteStream(upload, { flags: 'wx', flush: true }));
      // Only a whole image gets its name, and it replaces no other one.
      await link(upload, imagePath(folder, name));
    } finally {
      await rm(upload, { force: true });
    }
    return reply.code(201).send(await describe(name));
  });

  service.get<DiskRoute>('/disks/:name', async ({ params: { name } }, reply) => {
    const { sizeBytes } = await describe(name);
    const image = createReadStream(imagePath(folder, name), { end: Math.max(sizeBytes - 1, 0) });
    return reply.header('content-length', sizeBytes).type('application/octet-stream').send(image);
  });

  /** NBD clients that use it keep it until they leave. */
  service.delete<DiskRoute>('/disks/:name', async ({ params: { name } }, reply) => {
    await rm(imagePath(folder, name));
    return reply.code(204).send();
  });

  return service;
}

/** Ends an upload that is too long. */
function limit(bytesMax: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= bytesMax) done(null, chunk);
      else done(Object.assign(new Error(`an image has at most ${bytesMax} bytes`), { statusCode: 413 }));
    },
  });
}
