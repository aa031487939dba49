/** The page: forms and what they do. */
import { connect, type NbdClient } from '@nbdjs/client/core';
import { AllocationStatus } from '@nbdjs/interfaces';
import { createServer } from '@nbdjs/server/core';
import { createBlobDevice } from '@nbdjs/storage/blob';
import { stayConnected, webSocketOpener } from '@nbdjs/websocket';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { hexRows, sizeText } from './hex.ts';
import { findPartitions, tableBytes } from './partitions.ts';
import { readAll, writeFile } from './transfer.ts';

/** What the hexadecimal view shows at a time. */
const shownBytes = 512;

/** Extents that the map shows at most. */
const extentsMax = 4096;

/** A lost connection is waited for so long. */
const reconnectDelayMs = 60_000;

let disk: NbdClient | undefined;

const element = <Type extends HTMLElement>(id: string): Type => document.getElementById(id) as Type;
const state = element('state');
const progress = element<HTMLProgressElement>('progress');
const result = element<HTMLOutputElement>('result');
const form = (id: string): Record<string, FormDataEntryValue> =>
  Object.fromEntries(new FormData(element<HTMLFormElement>(id)));

/** Runs what a form or a button asks for, and shows what goes wrong. */
function on(id: string, event: string, output: HTMLElement, work: () => Promise<void>): void {
  element(id).addEventListener(event, (submitted) => {
    if (event === 'submit') submitted.preventDefault();
    output.classList.remove('error');
    work().catch((error: unknown) => {
      output.textContent = error instanceof Error ? error.message : String(error);
      output.classList.add('error');
    });
  });
}

on('connect', 'submit', state, async () => {
  const { url, token, export: exportName } = form('connect');
  await disk?.close();
  state.textContent = 'connecting';
  const opener = webSocketOpener(String(url), { protocols: ['nbd', String(token)] });
  disk = await connect({ ...opener, exportName: String(exportName) }, { reconnectDelayMs });
  state.textContent = `connected to ${opener.name}`;
  element('disk').hidden = false;
  showFacts(disk);
  await Promise.all([showMap(disk), showPartitions(disk), showBytes(disk, 0)]);
});

function showFacts({ geometry, abilities }: NbdClient): void {
  const facts = {
    size: `${sizeText(geometry.size)} (${geometry.size} bytes)`,
    blocks: `${geometry.minimumBlockSize} to ${geometry.maximumBlockSize} bytes, best ${geometry.preferredBlockSize}`,
    access: abilities.readOnly ? 'read only' : 'read and write',
  };
  const rows = Object.entries(facts).flatMap(([name, text]) => [
    Object.assign(document.createElement('dt'), { textContent: name }),
    Object.assign(document.createElement('dd'), { textContent: text }),
  ]);
  element('facts').replaceChildren(...rows);
}

async function showMap(shown: NbdClient): Promise<void> {
  const size = Number(shown.geometry.size);
  const bars: HTMLElement[] = [];
  let count = 0;
  for await (const { offset, length, status } of shown.extents()) {
    if (++count > extentsMax) break;
    if ((Number(status) & (AllocationStatus.Hole | AllocationStatus.Zero)) !== 0) continue;
    const bar = document.createElement('i');
    bar.style.left = `${(100 * Number(offset)) / size}%`;
    bar.style.width = `${(100 * Number(length)) / size}%`;
    bar.title = `${offset}: ${sizeText(length)} of data`;
    bars.push(bar);
  }
  element('map').replaceChildren(...bars);
}

async function showPartitions(shown: NbdClient): Promise<void> {
  const start = await shown.readBytes(0, Math.min(tableBytes, Number(shown.geometry.size)));
  const rows = findPartitions(start).map(({ number, offset, size, type }) => {
    const row = document.createElement('tr');
    for (const text of [number, offset, sizeText(size), type]) row.insertCell().textContent = String(text);
    return row;
  });
  element('partitions')
    .querySelector('tbody')
    ?.replaceChildren(...rows);
}

async function showBytes(shown: NbdClient, offset: number): Promise<void> {
  const size = Number(shown.geometry.size);
  if (!Number.isSafeInteger(offset) || offset < 0 || offset >= size) {
    throw new Error(`an offset from 0 to ${size - 1} was expected, got '${form('jump').offset}'`);
  }
  const bytes = await shown.readBytes(offset, Math.min(shownBytes, size - offset));
  element('hex').textContent = hexRows(bytes, offset);
}

on('jump', 'submit', result, async () => {
  if (disk !== undefined) await showBytes(disk, Number(form('jump').offset));
});

on('checksum', 'click', result, async () => {
  if (disk === undefined) return;
  const hash = sha256.create();
  const beginMs = performance.now();
  await withProgress((update) => readAll(disk as NbdClient, (piece) => hash.update(piece), update));
  result.textContent = `${bytesToHex(hash.digest())}${speed(Number(disk.geometry.size), beginMs)}`;
});

on('upload', 'change', result, async () => {
  const [file] = element<HTMLInputElement>('upload').files ?? [];
  if (disk === undefined || file === undefined) return;
  const beginMs = performance.now();
  const offset = Number(form('jump').offset);
  await withProgress((update) => writeFile(disk as NbdClient, file, offset, update));
  result.textContent = `${file.name} is on the disk${speed(file.size, beginMs)}`;
  await Promise.all([showMap(disk), showPartitions(disk), showBytes(disk, offset)]);
});

on('offer', 'submit', element('offered'), async () => {
  const { url, token, file } = form('offer');
  if (!(file instanceof File)) return;
  const nbd = createServer({ exports: { '': createBlobDevice(file) } });
  const opener = webSocketOpener(String(url), { protocols: ['nbd', String(token)] });
  const output = element('offered');
  output.textContent = `${file.name} is offered to ${opener.name}`;
  try {
    await stayConnected(opener, async (channel) => await nbd.accept(channel));
    output.textContent = `${opener.name} has ended the connection`;
  } finally {
    await nbd.close();
  }
});

async function withProgress(
  work: (update: (doneBytes: number, allBytes: number) => void) => Promise<void>,
): Promise<void> {
  progress.hidden = false;
  progress.value = 0;
  result.textContent = '';
  try {
    await work((doneBytes, allBytes) => {
      progress.value = doneBytes / allBytes;
    });
  } finally {
    progress.hidden = true;
  }
}

const speed = (bytes: number, beginMs: number): string =>
  ` (${Math.round(bytes / 1000 / Math.max(1, performance.now() - beginMs))} MB/s)`;

/** A link may carry what is otherwise typed: `#export=NAME&token=TOKEN`. The part behind `#` is never sent to a server. */
function fillIn(): void {
  const given = new URLSearchParams(location.hash.slice(1));
  const socketUrl = new URL('nbd', location.href.replace(/^http/, 'ws'));
  socketUrl.hash = '';
  const fields = element<HTMLFormElement>('connect').elements;
  for (const [name, value] of Object.entries({
    url: given.get('url') ?? socketUrl.href,
    export: given.get('export') ?? 'disk',
    token: given.get('token') ?? '',
  })) {
    (fields.namedItem(name) as HTMLInputElement).value = value;
  }
}

fillIn();
