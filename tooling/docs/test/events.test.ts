/** The tables of events against the sources that publish them. */
import { describe, expect, it } from 'vitest';
import { eventSets } from '../src/event-sets.ts';
import { publishedEvents } from '../src/published-events.ts';
import { published } from '../src/repository.ts';

const sources = published();

/** The events that the sources below some folders publish, each once, sorted. */
function eventsBelow(folders: readonly string[]): readonly string[] {
  const files = sources.filter(({ path }) => folders.some((folder) => path.startsWith(folder)));
  return [...new Set(files.flatMap(publishedEvents))].sort();
}

describe('the events of a package', () => {
  it.each(eventSets)('$events.packageName: all of its table are published, and no others', ({ events, publishers }) => {
    expect(eventsBelow(publishers)).toEqual([...events.names].sort());
  });

  it('are published through no other mechanism than the trace', () => {
    const users = sources.filter(({ text }) =>
      /import .*\b(channel|tracingChannel)\b.*'node:diagnostics_channel'/.test(text),
    );
    expect(users.map(({ path }) => path)).toEqual(['packages/node/src/diagnostics.ts']);
  });

  it('are those of every package that makes a trace of channels', () => {
    const tables = sources.flatMap(({ text }) =>
      [...text.matchAll(/\bdefineEvents\('(\w+)'/g)].map(([, name]) => name),
    );
    expect([...new Set(tables)].sort()).toEqual(eventSets.map(({ events }) => events.packageName).sort());
  });
});

describe('a call that publishes', () => {
  it.each([
    ["trace.emit('opened', { name });", ['opened']],
    ["this.#publish('opened', {});", ['opened']],
    ['trace.emit(event, fields);', []],
    ['return announceChannel(trace, channel);', ['connected', 'closed']],
    ["server.emit('connection', socket);", []],
    ["// trace.emit('opened', {});", []],
  ])('is found: %s', (text, names) => expect(publishedEvents({ path: 'a.ts', text })).toEqual(names));
});
