/** What a program does with the packages, however it has got them: a server, clients over a Unix socket and over TLS, a copy. */
const { subscribe } = require('node:diagnostics_channel');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const size = 4 * 2 ** 20;

/** Takes the packages, and whether the client uses TLS. Prints what came of it. */
module.exports = async function session(packages, withTls = false) {
  const { client, copy, server, storage, syscalls, transport } = packages;
  let chosen;
  subscribe('nbdjs:connection:chosen', (message) => {
    chosen = message;
  });
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
  const certificates = { folder };
  if (withTls) await writeCertificates(folder, packages.certificates);
  const disk = storage.createMemoryDevice({ size });
  const serving = await server.serve(
    withTls ? { type: 'tcp', host: '127.0.0.1', port: 0 } : { type: 'unix', path: join(folder, 'socket') },
    { listen: transport.listen, exports: { disk }, ...(withTls && { tls: transport.serverTls({ certificates }) }) },
  );
  const remote = await client.connect(serving.uri, withTls ? { tls: { certificates } } : {});

  const written = Uint8Array.from({ length: 100_000 }, (_, index) => index % 251);
  await remote.write(4096, written, { fua: true });
  const read = await remote.readBytes(4096, written.length);
  let mapped = 0;
  for await (const { length } of remote.extents()) mapped += Number(length);
  let streamed = 0;
  for await (const chunk of remote.createReadStream()) streamed += chunk.length;
  const target = storage.createMemoryDevice({ size });
  await copy.copyDevice(remote, target, { targetIsZero: true });
  const { differsAt } = await copy.compareDevices(disk, target);
  const refusal = await remote.readBytes(size, 1).catch((error) => error.code);
  await remote.close();
  await serving.close();
  rmSync(folder, { recursive: true });
  const isRead = Buffer.compare(read, written) === 0;
  const isEqual = differsAt === undefined;
  const isNative = syscalls.capabilities().duplicateDescriptor;
  console.log(JSON.stringify({ ...chosen, isRead, mapped, streamed, isEqual, refusal, isNative }));
};

async function writeCertificates(folder, certificates) {
  const authority = await certificates.createAuthority({ name: 'CN=Test' });
  const server = await authority.issueServer({ hosts: ['localhost', '127.0.0.1'] });
  const client = await authority.issueClient({ name: 'CN=Test client' });
  certificates.writeFolder(folder, { authority, server, client }, { overwrite: true });
}
