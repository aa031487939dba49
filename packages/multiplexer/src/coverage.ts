/** Which bytes of a read its chunks have delivered: each exactly once (checklist C53, C54). */
import { limits, ProtocolError } from '@nbdjs/interfaces';
import { commands } from '@nbdjs/protocol';
import type { Task } from './task.ts';

/**
 * Records that a chunk covers `length` bytes of the read from the given place of the export on.
 *
 * @returns where in the read that is.
 * @throws ProtocolError when it lies outside of the read or overlaps with an earlier chunk.
 */
export function cover(task: Task, offsetHigh: number, offsetLow: number, length: number): number {
  const start = (offsetHigh - task.offsetHigh) * 2 ** 32 + (offsetLow - task.offsetLow);
  const end = start + length;
  if (start < 0 || end > task.lengthLow) {
    throw violation(
      task,
      'chunk-out-of-range',
      `a chunk covers bytes ${start} to ${end} of the ${task.lengthLow} asked for`,
      'C51',
    );
  }
  if (start === 0 && task.coveredBytes === 0) {
    // The usual case: one chunk, or the first of several in order.
    task.coveredBytes = length;
    return start;
  }
  insert(task, start, end);
  task.coveredBytes += length;
  return start;
}

/** @throws ProtocolError when bytes are missing although the reply reports no error. */
export function requireFullCoverage(task: Task): void {
  if (task.coveredBytes === task.lengthLow) return;
  throw violation(
    task,
    'short-read',
    `a reply delivers ${task.coveredBytes} of the ${task.lengthLow} bytes asked for`,
    'C54',
  );
}

/** Keeps the covered stretches as an ascending list of starts and ends, neighbours joined. */
function insert(task: Task, start: number, end: number): void {
  task.stretches ??= task.coveredBytes > 0 ? [0, task.coveredBytes] : [];
  const { stretches } = task;
  let index = stretches.length;
  // Chunks mostly come in order, so the search begins at the end.
  while (index > 0 && (stretches[index - 1] as number) > start) index -= 2;
  const next = stretches[index];
  if (next !== undefined && next < end) {
    throw violation(
      task,
      'overlapping-chunks',
      `a chunk covers bytes ${start} to ${end} of a read a second time`,
      'C54',
    );
  }
  const joinsPrevious = index > 0 && stretches[index - 1] === start;
  const joinsNext = next === end;
  if (joinsPrevious && joinsNext) stretches.splice(index - 1, 2);
  else if (joinsPrevious) stretches[index - 1] = end;
  else if (joinsNext) stretches[index] = start;
  else stretches.splice(index, 0, start, end);
  if (stretches.length > 2 * limits.replyChunksMax) {
    throw violation(
      task,
      'too-many-chunks',
      `a reply scatters a read over more than ${limits.replyChunksMax} chunks`,
      'C54',
    );
  }
}

function violation(task: Task, name: string, message: string, rule: string): ProtocolError {
  const where = `${commands.name(task.command)} at ${task.offset}`;
  return new ProtocolError(name, `${message} (${where})`, { phase: 'transmission', rule });
}
