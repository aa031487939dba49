/** A session with packages that are imported. */
import * as certificates from '@nbdjs/certificates';
import * as client from '@nbdjs/client';
import * as copy from '@nbdjs/copy';
import * as server from '@nbdjs/server';
import * as storage from '@nbdjs/storage';
import * as syscalls from '@nbdjs/syscalls';
import * as transport from '@nbdjs/transport';
import session from './session.cjs';

await session({ certificates, client, copy, server, storage, syscalls, transport }, process.argv[2] === 'tls');
