/** What each part needs. */
import type { PartName } from '../cells/part.ts';
import { openClient } from './client.ts';
import { openCopying } from './copies.ts';
import { openDistance } from './distance.ts';
import { openIdle } from './idle.ts';
import { openIncumbent } from './incumbent.ts';
import { openMounting } from './mount.ts';
import { openProxying } from './proxy.ts';
import { openReconnect } from './reconnect.ts';
import { openScale } from './scale.ts';
import { openServerFile } from './server-file.ts';
import { openServerMemory } from './server-memory.ts';
import { openServerQcow2 } from './server-qcow2.ts';
import type { OpenStage } from './stage.ts';
import { openStart } from './start.ts';
import { openTls } from './tls.ts';
import { openWholePath } from './whole-path.ts';

export const stages: Readonly<Record<PartName, OpenStage>> = {
  client: openClient,
  'server-memory': openServerMemory,
  'server-file': openServerFile,
  'server-qcow2': openServerQcow2,
  copies: openCopying,
  mount: openMounting,
  proxy: openProxying,
  tls: openTls,
  incumbent: openIncumbent,
  'whole-path': openWholePath,
  start: openStart,
  idle: openIdle,
  scale: openScale,
  reconnect: openReconnect,
  distance: openDistance,
};
