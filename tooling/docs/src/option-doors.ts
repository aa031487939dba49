/** The functions whose options `docs/options.md` shows, by package, in the order of the page. */

import { attachOptions } from '../../../packages/attach/src/attach-options.ts';
import { connectOptions as coreConnectOptions } from '../../../packages/client/src/core/options.ts';
import { adoptOptions, connectOptions, openOptions, tlsOptions } from '../../../packages/client/src/options.ts';
import { readStreamOptions, writeStreamOptions } from '../../../packages/client/src/stream-options.ts';
import { repetitionOptions } from '../../../packages/connection/src/attempts/repetition-options.ts';
import {
  connectorOptions,
  inlineConnectorOptions,
  threadConnectorOptions,
} from '../../../packages/connection/src/connectors/connector-options.ts';
import { failoverOptions } from '../../../packages/connection/src/connectors/failover-connector.ts';
import { openerConnectorOptions } from '../../../packages/connection/src/connectors/opener-connector.ts';
import { applyChangesOptions, writeChangesOptions } from '../../../packages/copy/src/changes/changes-options.ts';
import { blockHashOptions } from '../../../packages/copy/src/hashing/hash-blocks.ts';
import { comparisonOptions, copyOptions } from '../../../packages/copy/src/options.ts';
import { threadedCopyOptions } from '../../../packages/copy/src/threads/copy-in-threads.ts';
import { examineClientOptions } from '../../../packages/examiner/src/client/examine-client.ts';
import { examineOptions } from '../../../packages/examiner/src/examine.ts';
import { mountOptions } from '../../../packages/fuse/src/mounting/mount.ts';
import { clientHandshakeOptions } from '../../../packages/handshake/src/client/options.ts';
import { serverHandshakeOptions } from '../../../packages/handshake/src/server/settings.ts';
import { isoOptions } from '../../../packages/images/src/archives/iso.ts';
import { tarOptions } from '../../../packages/images/src/archives/tar.ts';
import { compressedOptions } from '../../../packages/images/src/compressed/open-compressed.ts';
import { plainOpeningOptions } from '../../../packages/images/src/device/opening.ts';
import { compressionThreadsOptions } from '../../../packages/images/src/node/compression-threads.ts';
import { partitionOptions } from '../../../packages/images/src/partitions/list-partitions.ts';
import { commitQcow2Options } from '../../../packages/images/src/qcow2/chain/commit-qcow2.ts';
import { rebaseQcow2Options } from '../../../packages/images/src/qcow2/chain/rebase-qcow2.ts';
import { checkQcow2Options } from '../../../packages/images/src/qcow2/check/check-qcow2.ts';
import { qcow2Options } from '../../../packages/images/src/qcow2/open-qcow2.ts';
import { imageShapeOptions } from '../../../packages/images/src/qcow2/write/image-shape.ts';
import { writableQcow2Options } from '../../../packages/images/src/qcow2/write/open-writable-qcow2.ts';
import { writeQcow2Options } from '../../../packages/images/src/qcow2/write/write-qcow2.ts';
import { writeVhdOptions } from '../../../packages/images/src/vhd/write-vhd.ts';
import { vmdkOptions } from '../../../packages/images/src/vmdk/open-vmdk.ts';
import { writeVmdkOptions } from '../../../packages/images/src/vmdk/write-vmdk.ts';
import { sliceOptions } from '../../../packages/kit/src/devices/slice.ts';
import { loadOptions } from '../../../packages/load/src/options.ts';
import { multiplexerOptions } from '../../../packages/multiplexer/src/settings.ts';
import { checkStoreOptions } from '../../../packages/objects/src/core/admin/check-store.ts';
import { collectGarbageOptions } from '../../../packages/objects/src/core/admin/collect-garbage.ts';
import { createDiskOptions } from '../../../packages/objects/src/core/admin/create-disk.ts';
import { resizeDiskOptions } from '../../../packages/objects/src/core/admin/resize-disk.ts';
import { deletionOptions } from '../../../packages/objects/src/core/admin/snapshots.ts';
import { openDiskOptions, storeUseOptions } from '../../../packages/objects/src/core/disk/options.ts';
import { journaledDiskOptions } from '../../../packages/objects/src/core/journal/journaled-disk.ts';
import { memoryStoreOptions } from '../../../packages/objects/src/core/store/memory-store.ts';
import { retryingStoreOptions } from '../../../packages/objects/src/core/store/retrying-store.ts';
import { troubledStoreOptions } from '../../../packages/objects/src/core/store/troubled-store.ts';
import { folderStoreOptions } from '../../../packages/objects/src/folder/folder-store.ts';
import { sessionDecoderOptions } from '../../../packages/recorder/src/decoding/session-decoder.ts';
import { recordingOptions } from '../../../packages/recorder/src/recording/recording.ts';
import { sessionLogOptions } from '../../../packages/recorder/src/recording/session-log.ts';
import { proxyOptions } from '../../../packages/recorder/src/relay/proxy.ts';
import { relayOptions } from '../../../packages/recorder/src/relay/relay.ts';
import { replayOptions } from '../../../packages/recorder/src/replay/options.ts';
import { traceFilterOptions } from '../../../packages/recorder/src/trace/filter.ts';
import { s3StoreOptions } from '../../../packages/s3/src/settings/options.ts';
import { accessRules } from '../../../packages/server/src/admission/access-rules.ts';
import { exportOptions } from '../../../packages/server/src/exports/export.ts';
import { serverOptions } from '../../../packages/server/src/server-options.ts';
import { threadedServerOptions, threadOptions } from '../../../packages/server/src/threads/thread-options.ts';
import { blobDeviceOptions } from '../../../packages/storage/src/blob/blob-device.ts';
import { fileDeviceOptions } from '../../../packages/storage/src/file/file-opening.ts';
import { blockSizeOptions } from '../../../packages/storage/src/layers/block-size.ts';
import { delayOptions } from '../../../packages/storage/src/layers/delay.ts';
import { faultOptions } from '../../../packages/storage/src/layers/fault.ts';
import { holeOptions } from '../../../packages/storage/src/layers/holes.ts';
import { logOptions } from '../../../packages/storage/src/layers/log.ts';
import { overlayOptions } from '../../../packages/storage/src/layers/overlay.ts';
import { rateOptions } from '../../../packages/storage/src/layers/rate.ts';
import { retryOptions } from '../../../packages/storage/src/layers/retry.ts';
import { memoryDeviceOptions } from '../../../packages/storage/src/memory/memory-device.ts';
import { sharedMemoryOptions } from '../../../packages/storage/src/memory/shared-memory.ts';
import { sharedMemoryDeviceOptions } from '../../../packages/storage/src/memory/shared-memory-device.ts';
import { nullDeviceOptions } from '../../../packages/storage/src/null-device.ts';
import { opfsDeviceOptions } from '../../../packages/storage/src/opfs/opfs-device.ts';
import { portChannelOptions } from '../../../packages/transport/src/channels/port-channel.ts';
import { tlsCertificates, tlsClientOptions, tlsServerOptions } from '../../../packages/transport/src/tls/settings.ts';
import { webSocketChannelOptions } from '../../../packages/websocket/src/channel/web-socket-channel.ts';
import { attachWebOptions } from '../../../packages/websocket/src/node/attach-options.ts';
import { listenWebOptions } from '../../../packages/websocket/src/node/listen-web.ts';
import { openWebOptions } from '../../../packages/websocket/src/node/open-options.ts';
import { openWebSocketOptions } from '../../../packages/websocket/src/open-web-socket.ts';
import { stayConnectedOptions } from '../../../packages/websocket/src/stay-connected.ts';
import type { OptionDoor } from './options-page.ts';

export const optionDoors: readonly OptionDoor[] = [
  { package: 'client', name: 'connect', set: connectOptions },
  { package: 'client', name: 'connect', part: 'tls', set: tlsOptions },
  { package: 'client', name: 'connect', part: 'tls.certificates', set: tlsCertificates },
  { package: 'client', name: 'connect of /core', set: coreConnectOptions },
  { package: 'client', name: 'openClient', set: openOptions },
  { package: 'client', name: 'adoptConnection', set: adoptOptions },
  { package: 'client', name: 'createReadStream', set: readStreamOptions },
  { package: 'client', name: 'createWriteStream', set: writeStreamOptions },
  { package: 'server', name: 'createServer', set: serverOptions, pages: { limits: 'limits.md' } },
  { package: 'server', name: 'createServer', part: 'access', set: accessRules },
  { package: 'server', name: 'createServer', part: 'exports.NAME', set: exportOptions },
  { package: 'server', name: 'createThreadedServer', set: threadedServerOptions, pages: { limits: 'limits.md' } },
  { package: 'server', name: 'createThreadedServer', part: 'threads', set: threadOptions },
  { package: 'copy', name: 'copyDevice', set: copyOptions },
  { package: 'copy', name: 'compareDevices', set: comparisonOptions },
  { package: 'copy', name: 'hashBlocks', set: blockHashOptions },
  { package: 'copy', name: 'writeChanges', set: writeChangesOptions },
  { package: 'copy', name: 'applyChanges', set: applyChangesOptions },
  { package: 'copy', name: 'copyInThreads', set: threadedCopyOptions },
  { package: 'images', name: 'openQcow2', set: qcow2Options },
  { package: 'images', name: 'openWritableQcow2', set: writableQcow2Options },
  { package: 'images', name: 'createQcow2', set: imageShapeOptions },
  { package: 'images', name: 'writeQcow2', set: writeQcow2Options },
  { package: 'images', name: 'checkQcow2', set: checkQcow2Options },
  { package: 'images', name: 'commitQcow2', set: commitQcow2Options },
  { package: 'images', name: 'createCompressionThreads', set: compressionThreadsOptions },
  { package: 'images', name: 'rebaseQcow2', set: rebaseQcow2Options },
  { package: 'images', name: 'openVmdk', set: vmdkOptions },
  { package: 'images', name: 'openVhd', set: plainOpeningOptions },
  { package: 'images', name: 'openVhdx', set: plainOpeningOptions },
  { package: 'images', name: 'openCompressed', set: compressedOptions },
  { package: 'images', name: 'listPartitions', set: partitionOptions },
  { package: 'images', name: 'listTarMembers', set: tarOptions },
  { package: 'images', name: 'listIsoFiles', set: isoOptions },
  { package: 'images', name: 'writeVmdkStream', set: writeVmdkOptions },
  { package: 'images', name: 'writeVhdStream', set: writeVhdOptions },
  { package: 'storage', name: 'createMemoryDevice', set: memoryDeviceOptions },
  { package: 'storage', name: 'createSharedMemory', set: sharedMemoryOptions },
  { package: 'storage', name: 'createSharedMemoryDevice', set: sharedMemoryDeviceOptions },
  { package: 'storage', name: 'openFileDevice', set: fileDeviceOptions },
  { package: 'storage', name: 'createNullDevice', set: nullDeviceOptions },
  { package: 'storage', name: 'createBlobDevice', set: blobDeviceOptions },
  { package: 'storage', name: 'openOpfsDevice', set: opfsDeviceOptions },
  { package: 'storage', name: 'createSliceLayer', set: sliceOptions },
  { package: 'storage', name: 'createOverlayLayer', set: overlayOptions },
  { package: 'storage', name: 'createBlockSizeLayer', set: blockSizeOptions },
  { package: 'storage', name: 'createDelayLayer', set: delayOptions },
  { package: 'storage', name: 'createHoleLayer', set: holeOptions },
  { package: 'storage', name: 'createRateLayer', set: rateOptions },
  { package: 'storage', name: 'createRetryLayer', set: retryOptions },
  { package: 'storage', name: 'createFaultLayer', set: faultOptions },
  { package: 'storage', name: 'createLogLayer', set: logOptions },
  { package: 'load', name: 'runLoad', set: loadOptions },
  { package: 'objects', name: 'openDisk', set: openDiskOptions },
  { package: 'objects', name: 'openJournaledDisk', set: journaledDiskOptions },
  { package: 'objects', name: 'createDisk', set: createDiskOptions },
  { package: 'objects', name: 'inspectDisk', set: storeUseOptions },
  { package: 'objects', name: 'deleteDisk', set: deletionOptions },
  { package: 'objects', name: 'resizeDisk', set: resizeDiskOptions },
  { package: 'objects', name: 'collectGarbage', set: collectGarbageOptions },
  { package: 'objects', name: 'checkStore', set: checkStoreOptions },
  { package: 'objects', name: 'createRetryingStore', set: retryingStoreOptions },
  { package: 'objects', name: 'createMemoryStore', set: memoryStoreOptions },
  { package: 'objects', name: 'openFolderStore', set: folderStoreOptions },
  { package: 'objects', name: 'createTroubledStore', set: troubledStoreOptions },
  { package: 's3', name: 'createS3Store', set: s3StoreOptions },
  { package: 'transport', name: 'adoptPort', set: portChannelOptions },
  { package: 'transport', name: 'serverTls', set: tlsServerOptions },
  { package: 'transport', name: 'createTlsClient', set: tlsClientOptions },
  { package: 'websocket', name: 'openWebSocket', set: openWebSocketOptions },
  { package: 'websocket', name: 'createWebSocketChannel', set: webSocketChannelOptions },
  { package: 'websocket', name: 'stayConnected', set: stayConnectedOptions },
  { package: 'websocket', name: 'openWeb', set: openWebOptions },
  { package: 'websocket', name: 'attachWeb', set: attachWebOptions },
  { package: 'websocket', name: 'listenWeb', set: listenWebOptions },
  { package: 'attach', name: 'attachDevice', set: attachOptions },
  { package: 'examiner', name: 'examineServer', set: examineOptions },
  { package: 'examiner', name: 'examineClient', set: examineClientOptions },
  { package: 'connection', name: 'createConnector', set: connectorOptions },
  { package: 'connection', name: 'createInlineConnector', set: inlineConnectorOptions },
  { package: 'connection', name: 'createThreadConnector', set: threadConnectorOptions },
  { package: 'connection', name: 'createOpenerConnector', set: openerConnectorOptions },
  { package: 'connection', name: 'createFailoverConnector', set: failoverOptions },
  { package: 'connection', name: 'openNegotiation', set: repetitionOptions },
  { package: 'handshake', name: 'ClientHandshake', set: clientHandshakeOptions },
  { package: 'handshake', name: 'ServerHandshake', set: serverHandshakeOptions },
  { package: 'multiplexer', name: 'createMultiplexer', set: multiplexerOptions },
  { package: 'fuse', name: 'mountDevice', set: mountOptions },
  { package: 'recorder', name: 'SessionDecoder', set: sessionDecoderOptions },
  { package: 'recorder', name: 'relaySession', set: relayOptions },
  { package: 'recorder', name: 'createListeningProxy', set: proxyOptions },
  { package: 'recorder', name: 'SessionLog', set: sessionLogOptions },
  { package: 'recorder', name: 'createRecordingFile', set: recordingOptions },
  { package: 'recorder', name: 'TraceFilter', set: traceFilterOptions },
  { package: 'recorder', name: 'replayRecording', set: replayOptions },
];
