/** All targets. A new one is a file beside this one, and a line here. */
import type { Target } from '../target.ts';
import { changes } from './changes.ts';
import { replyTargets, wholeClient } from './client.ts';
import { clientHandshake, optionMode } from './client-handshake.ts';
import { certificates, sharedKeys } from './files.ts';
import { imageFormats } from './image-formats.ts';
import { imageTables } from './image-tables.ts';
import { imageQcow2, imageQcow2Writing } from './images.ts';
import { requestTargets, wholeServer } from './server.ts';
import { serverHandshake } from './server-handshake.ts';
import { serverThreads } from './server-threads.ts';
import { uri } from './uri.ts';
import { webTargets } from './web.ts';

export const targets: readonly Target[] = [
  clientHandshake,
  optionMode,
  serverHandshake,
  ...replyTargets,
  ...requestTargets,
  wholeServer,
  serverThreads,
  wholeClient,
  uri,
  sharedKeys,
  certificates,
  changes,
  ...webTargets,
  imageQcow2,
  imageQcow2Writing,
  ...imageFormats,
  ...imageTables,
];
