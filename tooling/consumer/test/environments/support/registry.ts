/** The packed packages as a registry for npm, on this machine only, so that users' commands can be run as they stand in the READMEs. */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

export interface Registry {
  /** With a slash at the end. New with each start, so that nothing comes from what npm remembers of another. */
  readonly url: string;
  close(): Promise<void>;
}

interface Tarball {
  readonly name: string;
  readonly version: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly bytes: Buffer;
}

/** Serves the tarballs of a folder, one version of each package. */
export async function startRegistry(folder: string): Promise<Registry> {
  const tarballs = new Map(
    readdirSync(folder)
      .filter((file) => file.endsWith('.tgz'))
      .map((file) => readTarball(join(folder, file)))
      .map((tarball) => [tarball.name, tarball]),
  );
  const prefix = `/${randomUUID()}/`;
  const server = createServer(({ url = '' }, response) => {
    // npm asks for `@nbdjs%2fclient`, and then for the tarball that the answer names.
    const path = decodeURIComponent(url).slice(prefix.length);
    const tarball = url.startsWith(prefix) ? tarballs.get(path.replace(/\.tgz$/, '')) : undefined;
    if (tarball === undefined) answer(response, 404, JSON.stringify({ error: `there is no ${path}` }));
    else if (path.endsWith('.tgz')) answer(response, 200, tarball.bytes, 'application/octet-stream');
    else answer(response, 200, JSON.stringify(description(tarball, registry.url)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const registry: Registry = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return registry;
}

function readTarball(file: string): Tarball {
  const manifest = JSON.parse(execFileSync('tar', ['-xzOf', file, 'package/package.json'], { encoding: 'utf8' }));
  return { name: manifest.name, version: manifest.version, manifest, bytes: readFileSync(file) };
}

/** What a registry says of a package: its versions, with where the tarball is and what it must be. */
function description({ name, version, manifest, bytes }: Tarball, url: string): unknown {
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  const dist = { tarball: `${url}${name}.tgz`, integrity };
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
}

function answer(response: ServerResponse, status: number, body: string | Buffer, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
