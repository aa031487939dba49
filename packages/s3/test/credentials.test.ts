/** Credentials come from where other tools have them: files, programs, roles of instances. They are never told. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startS3Server } from '@nbdjs/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createS3Store, type S3Credentials, type S3StoreOptions } from '../src/index.ts';

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 's3-home-'));
  mkdirSync(join(home, '.aws'));
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('HOME', home);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(home, '.aws/credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', join(home, '.aws/config'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const file = (name: string, text: string): void => writeFileSync(join(home, '.aws', name), text);
const key = (name: string, sessionToken?: string): S3Credentials => ({
  accessKeyId: `id-of-${name}`,
  secretAccessKey: `secret-of-${name}`,
  ...(sessionToken === undefined ? {} : { sessionToken }),
});

/** Stores an object with what is found, and returns which key has signed. */
async function signer(known: readonly S3Credentials[], options: Partial<S3StoreOptions> = {}): Promise<string> {
  await using server = await startS3Server({ keys: known });
  const store = createS3Store({ bucket: 'test-bucket', endpoint: server.endpoint, ...options });
  try {
    await store.put('a', Uint8Array.of(1));
  } finally {
    await store.close();
  }
  return /Credential=([^/]+)/.exec(String(server.calls[0]?.headers.authorization))?.[1] ?? 'none';
}

describe('credentials', () => {
  it('of the environment', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'id-of-env');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret-of-env');
    vi.stubEnv('AWS_SESSION_TOKEN', 'lent');
    expect(await signer([key('env', 'lent')])).toBe('id-of-env');
  });

  const files = (): void => {
    file('credentials', '[default]\naws_access_key_id = id-of-default\naws_secret_access_key = secret-of-default\n');
    file(
      'config',
      `[profile other]\nregion = mars-2\naws_access_key_id = id-of-other\naws_secret_access_key = secret-of-other\n[profile program]\ncredential_process = ${process.execPath} ${join(home, 'program.cjs')}\n`,
    );
  };

  it('of the shared files, by profile', async () => {
    files();
    const known = [key('default'), key('other')];
    expect(await signer(known)).toBe('id-of-default');
    expect(await signer(known, { profile: 'other' })).toBe('id-of-other');
    vi.stubEnv('AWS_PROFILE', 'other');
    expect(await signer(known)).toBe('id-of-other');
  });

  it('with the region and the endpoint of the profile', async () => {
    await using server = await startS3Server({ keys: [key('here')], region: 'mars-2' });
    file(
      'config',
      `[profile here]\nregion = mars-2\nendpoint_url = ${server.endpoint}\naws_access_key_id = id-of-here\naws_secret_access_key = secret-of-here\n`,
    );
    const store = createS3Store({ bucket: 'test-bucket', profile: 'here' });
    await store.put('a', Uint8Array.of(1));
    expect(server.calls).toHaveLength(1);
    expect(store.name).toBe(`bucket 'test-bucket' at ${new URL(server.endpoint).host}`);
    await store.close();
  });

  it('of a program', async () => {
    files();
    const told = { Version: 1, AccessKeyId: 'id-of-program', SecretAccessKey: 'secret-of-program' };
    writeFileSync(join(home, 'program.cjs'), `console.log(${JSON.stringify(JSON.stringify(told))})`);
    expect(await signer([key('program')], { profile: 'program' })).toBe('id-of-program');
  });

  it('of the role of an instance, with a token for its metadata', async () => {
    const asked: string[] = [];
    const instance = createServer((request, response) => {
      const token = request.headers['x-aws-ec2-metadata-token'] ?? 'no token';
      asked.push(`${request.method} ${request.url} ${token}`);
      if (request.method === 'PUT') return void response.end('TOKEN');
      if (token !== 'TOKEN') return void response.writeHead(401).end();
      if (request.url?.endsWith('/security-credentials/')) return void response.end('role');
      const told = {
        Code: 'Success',
        AccessKeyId: 'id-of-role',
        SecretAccessKey: 'secret-of-role',
        Token: 'lent',
        Expiration: new Date(Date.now() + 3600_000).toISOString(),
      };
      response.end(JSON.stringify(told));
    });
    await new Promise<void>((resolve) => instance.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', undefined);
    vi.stubEnv('AWS_EC2_METADATA_SERVICE_ENDPOINT', `http://127.0.0.1:${(instance.address() as AddressInfo).port}`);
    try {
      expect(await signer([key('role', 'lent')])).toBe('id-of-role');
      expect(asked.filter((one) => one.startsWith('PUT /latest/api/token'))).not.toHaveLength(0);
    } finally {
      instance.closeAllConnections();
      await new Promise((resolve) => instance.close(resolve));
    }
  });

  it('of a container', async () => {
    const container = createServer((request, response) => {
      if (request.headers.authorization !== 'told to the container') return void response.writeHead(403).end();
      const Expiration = new Date(Date.now() + 3600_000).toISOString();
      response.end(
        JSON.stringify({ AccessKeyId: 'id-of-pod', SecretAccessKey: 'secret-of-pod', Token: 'lent', Expiration }),
      );
    });
    await new Promise<void>((resolve) => container.listen(0, '127.0.0.1', resolve));
    const { port } = container.address() as AddressInfo;
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/creds`);
    vi.stubEnv('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'told to the container');
    try {
      expect(await signer([key('pod', 'lent')])).toBe('id-of-pod');
    } finally {
      container.closeAllConnections();
      await new Promise((resolve) => container.close(resolve));
    }
  });

  it('that are missing are an error in one line', async () => {
    const reason = await signer([]).catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: 'ERR_NBD_STORE_PERMANENT', operation: 'put', key: 'a' });
    expect(String(reason)).toMatch(/^StoreError: put of 'a' in bucket .*: there are no credentials for S3: .+$/);
  });

  it('that are about to end are replaced before, for all calls at once', async () => {
    let count = 0;
    const provider = async (): Promise<S3Credentials> => ({
      ...key(`turn-${++count}`),
      expiration: new Date(Date.now() + (count === 1 ? 1000 : 3600_000)),
    });
    await using server = await startS3Server({ keys: [key('turn-1'), key('turn-2')] });
    const store = createS3Store({
      bucket: 'test-bucket',
      endpoint: server.endpoint,
      region: 'r',
      credentials: provider,
    });
    await store.put('a', Uint8Array.of(1));
    await Promise.all(['b', 'c', 'd'].map((name) => store.put(name, Uint8Array.of(1))));
    await store.close();
    expect(count).toBe(2);
  });

  it('that cannot be replaced are used to their end, and then the call may be repeated', async () => {
    let isBroken = false;
    let nowMs = Date.now();
    const provider = async (): Promise<S3Credentials> => {
      if (isBroken) throw new Error('instance is busy');
      return { ...key('once'), expiration: new Date(nowMs + 30_000) };
    };
    await using server = await startS3Server({ keys: [key('once')] });
    const now = (): number => nowMs;
    const options = { bucket: 'test-bucket', endpoint: server.endpoint, region: 'r', credentials: provider, now };
    const store = createS3Store(options);
    await store.put('a', Uint8Array.of(1));
    isBroken = true;
    await store.put('b', Uint8Array.of(1));
    nowMs += 31_000;
    await expect(store.put('c', Uint8Array.of(1))).rejects.toMatchObject({
      code: 'ERR_NBD_STORE_TRANSIENT',
      message: expect.stringMatching(/instance is busy$/),
    });
    await store.close();
  });

  it('are in no error, whatever fails', async () => {
    const known = key('all', 'token-of-all');
    const reasons: unknown[] = [];
    for (const given of [[], [{ ...known, secretAccessKey: 'other' }], [{ ...known, sessionToken: 'other' }]]) {
      reasons.push(await signer(given as S3Credentials[], { credentials: known }).catch((error: unknown) => error));
    }
    for (const reason of reasons) {
      const { inspect } = await import('node:util');
      expect(inspect(reason, { depth: 10 })).not.toMatch(/secret-of|token-of|Signature=/);
    }
    expect(reasons).toHaveLength(3);
  });
});
