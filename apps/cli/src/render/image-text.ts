/** What is in an image, as text: as `qemu-img info` has it, and more. */
import type { ImageFacts } from '@nbdjs/images';
import type { PartitionTable } from '@nbdjs/images/partitions';
import { oneLine } from '../errors/one-line.ts';
import type { ImageDescription } from '../images/describe-image.ts';
import type { Colours } from './colours.ts';
import { bitmapFlags, compatOf, compressionOf } from './image-json.ts';
import { printable } from './printable.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** Three significant digits, and no more than are needed: `10 GiB`, `1.46 MiB`. */
function sizeText(bytes: bigint): string {
  let size = Number(bytes);
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${Number(size.toPrecision(3))} ${units[unit]}`;
}

/** Rows of a table; columns whose titles begin with `>` are aligned to the right. */
function table(titles: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [titles.map((title) => title.replace('>', '')), ...rows];
  const widths = titles.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return titles[column]?.startsWith('>') === true ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

export function imageText(description: ImageDescription, colours: Colours): string {
  const { name, format, fileBytes, storedBytes, virtualBytes, image, steps, members, partitions, error } = description;
  const lines: string[] = [];
  const add = (key: string, value: string | undefined): void => {
    if (value !== undefined) lines.push(`${key}: ${printable(value)}`);
  };
  add('image', name);
  add('file format', format);
  add('virtual size', virtualBytes === undefined ? undefined : `${sizeText(virtualBytes)} (${virtualBytes} bytes)`);
  lines.splice(0, lines.length, ...lines.map((line) => colours.bold(line)));
  add('disk size', sizeText(storedBytes));
  if (fileBytes !== virtualBytes) add('file size', `${sizeText(fileBytes)} (${fileBytes} bytes)`);
  if (steps.length > 1) add('opened as', steps.join(', '));
  if (image !== undefined) lines.push(...factLines(image));
  lines.push(...chainLines(description));
  if (partitions !== undefined) lines.push(...partitionLines(partitions));
  if (members !== undefined) {
    const rows = members.map((one) => [String(one.length), one.kind, printable(one.name)]);
    lines.push('Members:', ...table(['>SIZE', 'KIND', 'NAME'], rows));
  }
  if (error !== undefined) lines.push(colours.red(`error: ${oneLine(error)}`));
  return `${lines.join('\n')}\n`;
}

function factLines(image: ImageFacts): readonly string[] {
  const { clusterBytes, encryption, backing, dataFiles, snapshots } = image;
  const lines: string[] = [];
  const add = (key: string, value: string | number | undefined): void => {
    if (value !== undefined) lines.push(`${key}: ${printable(String(value))}`);
  };
  add('encrypted', encryption === undefined ? undefined : `yes (${encryption})`);
  add('cluster_size', clusterBytes);
  add('backing file', backing?.name);
  add('backing file format', backing?.format);
  for (const file of dataFiles) add('data file', file.name);
  if (snapshots.length > 0) {
    const rows = snapshots.map((one) => [
      printable(one.id),
      printable(one.name),
      sizeText(one.machineStateBytes),
      localTime(one.createdMs),
      sizeText(one.virtualBytes),
    ]);
    lines.push('Snapshot list:', ...table(['ID', 'TAG', '>VM SIZE', 'DATE', '>VIRTUAL SIZE'], rows));
  }
  lines.push('Format specific information:', ...specificLines(image).map((line) => `    ${line}`));
  return lines;
}

function specificLines({ format, version, compression, flags, details, bitmaps }: ImageFacts): readonly string[] {
  const isQcow2 = format === 'qcow2';
  const facts: Record<string, string | undefined> = {
    [isQcow2 ? 'compat' : 'kind']: isQcow2 ? compatOf(version) : version,
    'compression type': compressionOf(compression),
    flags: flags.length === 0 ? undefined : flags.join(', '),
    ...Object.fromEntries(Object.entries(details).map(([key, value]) => [key, String(value)])),
  };
  const lines = Object.entries(facts).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}: ${printable(value)}`],
  );
  if (bitmaps.length === 0) return lines;
  const rows = bitmaps.map((one) => [
    printable(one.name),
    String(one.granularityBytes),
    bitmapFlags(one.inUse, one.isAuto).join(', '),
  ]);
  return [...lines, 'bitmaps:', ...table(['NAME', '>GRANULARITY', 'FLAGS'], rows).map((line) => `    ${line}`)];
}

/** The other files that were opened. */
function chainLines({ parts }: ImageDescription): readonly string[] {
  if (parts.length < 2) return [];
  const rows = parts.map((part) => [
    part.kind,
    part.format,
    part.image === undefined ? '' : sizeText(part.image.virtualBytes),
    printable(part.name),
  ]);
  return ['Files:', ...table(['ROLE', 'FORMAT', '>VIRTUAL SIZE', 'NAME'], rows)];
}

function partitionLines({ scheme, partitions, problems }: PartitionTable): readonly string[] {
  const rows = partitions.map((one) => [
    String(one.number),
    String(one.offset),
    String(one.length),
    sizeText(one.length),
    one.typeName ?? one.type,
    printable(one.name ?? ''),
  ]);
  const titles = ['>NUMBER', '>OFFSET', '>LENGTH', '>SIZE', 'TYPE', 'NAME'];
  const own = partitions.flatMap((one) => one.problems.map((problem) => `partition ${one.number}: ${problem}`));
  const warnings = [...problems, ...own].map((problem) => `problem: ${printable(problem)}`);
  return [`Partition table: ${scheme}`, ...table(titles, rows), ...warnings];
}

function localTime(ms: number): string {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return String(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
