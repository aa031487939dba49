/**
 * A connection that is cut at every byte of a session, handshake included, in either direction.
 *
 * The rules that are held here:
 *
 * - A request is given to one connection at a time, and to another one only when that is lost: no connection sees it twice.
 * - A request whose reply has come is given to no other connection. What later ones see of it is the journal's: writing
 *   requests that were acknowledged and not flushed, once for each connection that begins an era.
 * - Without a reconnect delay, what was given to the lost connection fails with a `ConnectionLostError` of outcome `unknown`; what
 *   was not fails with what the connector says, and was never carried out.
 *
 * @module-tag slow
 */
import { CommandError, ConnectError, ConnectionLostError, type HeaderMode } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { finalContent, type Outcome, type SessionOptions, SeveredSession } from './support/severed-session.ts';
import type { Cut } from './support/severed-wire.ts';
import { isThorough, timeoutMs } from './support/thoroughness.ts';

const modes: readonly HeaderMode[] = ['simple', 'structured', 'extended'];
const directions = ['sent', 'received'] as const;
type Direction = (typeof directions)[number];

/** Where a variant of the same session is tried at some places only; when all are wanted, at all. */
const stride = (every: number) => (isThorough ? 1 : every);

const model = finalContent();
const reconnecting = { reconnectDelayMs: 10_000, openTimeoutMs: 10_000 };

const run = (options: SessionOptions): Promise<SeveredSession> => new SeveredSession(options).run();

/**
 * Every place to cut at; of long runs of equal bytes only some, because there one place is like the next, and the whole handshake
 * only once, because all modes have that in common.
 */
async function placesOf(mode: HeaderMode, direction: Direction): Promise<readonly number[]> {
  const session = await run({ mode });
  expect(session.outcomes.filter(({ error }) => error !== undefined)).toHaveLength(1);
  expect(Buffer.compare(session.content, model)).toBe(0);
  const stream = session.wires[0]?.streams[direction] ?? new Uint8Array(0);
  const places: number[] = [];
  let runBytes = 0;
  for (let place = 0; place < stream.length; place++) {
    runBytes = stream[place] === stream[place - 1] ? runBytes + 1 : 0;
    const isKnown = mode !== 'extended' && place < session.handshake[direction] && place % 7 !== 0;
    if (!isKnown && (runBytes < 16 || runBytes % 499 === 0)) places.push(place);
  }
  return places;
}

const isPlanned = ({ key, error }: Outcome): boolean => key === 'trim 60000' && error instanceof CommandError;

/** What is wrong with a session that has ended, in words. */
function problemsOf(session: SeveredSession, hasJournal: boolean): readonly string[] {
  const problems: string[] = [];
  for (const outcome of session.outcomes) {
    const { key, error, settledAt } = outcome;
    const executions = session.executions(key);
    const late = executions.filter((connection) => connection > settledAt);
    const mayBeReplayed = hasJournal && /^(write|writeZeroes|trim) /.test(key);
    if (new Set(executions).size < executions.length) problems.push(`${key} came twice by one connection`);
    if (error === undefined && executions.length === 0) problems.push(`${key} succeeded without being carried out`);
    if (late.length > 0 && !mayBeReplayed) problems.push(`${key} was carried out again after its reply`);
  }
  if (!session.hasLeftNothing) problems.push('something is left over');
  return problems;
}

/** What is wrong with how calls failed without a reconnect delay. */
function failuresOf(session: SeveredSession): readonly string[] {
  const { openError } = session;
  if (openError !== undefined && !(openError instanceof ConnectError)) return [`open: ${openError}`];
  return session.outcomes.flatMap((outcome) => {
    const { key, error } = outcome;
    if (error === undefined || isPlanned(outcome)) return [];
    if (error instanceof ConnectionLostError) return error.outcome === 'unknown' ? [] : [`${key}: ${error.outcome}`];
    if (!(error instanceof ConnectError) || error.code !== 'ERR_NBD_REFUSED') return [`${key}: ${error}`];
    return session.executions(key).length === 0 ? [] : [`${key} was carried out, but is said not to be sent`];
  });
}

/** What is wrong when nothing was to fail. */
function lossesOf(session: SeveredSession): readonly string[] {
  const failed = session.outcomes.filter((outcome) => outcome.error !== undefined && !isPlanned(outcome));
  const problems = failed.map(({ key, error }) => `${key}: ${error}`);
  if (Buffer.compare(session.content, model) !== 0) problems.push('the content is wrong');
  return problems;
}

/** The same where a flush says that it cannot vouch for what another connection has brought. */
function untoldLossesOf(session: SeveredSession): readonly string[] {
  return lossesOf(session).filter((problem) => !/^flush: WritesLostError: /.test(problem));
}

/** Tries each cut; tells how often it came, and what went wrong. */
async function tryCuts(
  places: readonly number[],
  cutsAt: (place: number) => readonly Cut[],
  options: SessionOptions,
  problemsIn: (session: SeveredSession) => readonly string[],
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const place of places) {
    const session = await run({ ...options, cuts: cutsAt(place) });
    if (!session.isCut) problems.push(`at ${place}: the cut did not come`);
    const found = [...problemsOf(session, options.journal !== false), ...problemsIn(session)];
    problems.push(...found.map((problem) => `at ${place}: ${problem}`));
  }
  return problems;
}

describe.each(modes)('%s replies, cut at every byte', (mode) => {
  it.each(directions)(
    'of what was %s: without a reconnect delay, calls fail as the rules say',
    async (direction) => {
      const places = await placesOf(mode, direction);
      const options = { mode, journal: false, requestsInFlightMax: 6 };
      const problems = await tryCuts(places, (place) => [{ [direction]: place }], options, failuresOf);
      expect(problems).toEqual([]);
    },
    timeoutMs,
  );

  it.each(directions)(
    'of what was %s: with a reconnect delay, nothing is lost and nothing fails',
    async (direction) => {
      const places = await placesOf(mode, direction);
      const problems = await tryCuts(places, (place) => [{ [direction]: place }], { mode, ...reconnecting }, lossesOf);
      expect(problems).toEqual([]);
    },
    timeoutMs,
  );

  it.each(directions)(
    'of what was %s: with memory that is lent until a flush, nothing is lost and all of it comes back',
    async (direction) => {
      const places = (await placesOf(mode, direction)).filter((_, index) => index % stride(5) === 0);
      const options = { mode, retains: true, ...reconnecting };
      expect(await tryCuts(places, (place) => [{ [direction]: place }], options, lossesOf)).toEqual([]);
    },
    timeoutMs,
  );

  it.each(directions)(
    'of what was %s: without a journal, nothing that was answered runs again',
    async (direction) => {
      const places = (await placesOf(mode, direction)).filter((_, index) => index % stride(9) === 0);
      const options = { mode, journal: false, ...reconnecting };
      expect(await tryCuts(places, (place) => [{ [direction]: place }], options, untoldLossesOf)).toEqual([]);
    },
    timeoutMs,
  );

  it.each(directions)(
    'of what was %s by the second connection, in the middle of the replay',
    async (direction) => {
      const session = await run({ mode });
      const first = { received: Math.floor((session.wires[0]?.passed.received ?? 0) * 0.5) };
      const probe = await run({ mode, ...reconnecting, cuts: [first] });
      const total = probe.wires[1]?.passed[direction] ?? 0;
      expect(total).toBeGreaterThan(300);
      const places = Array.from({ length: Math.floor(total / stride(29)) }, (_, index) => index * stride(29));
      const cutsAt = (place: number) => [first, { [direction]: place }];
      for (const retains of [false, true]) {
        expect(await tryCuts(places, cutsAt, { mode, retains, ...reconnecting }, lossesOf)).toEqual([]);
      }
    },
    timeoutMs,
  );
});
