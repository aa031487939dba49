/** The passive decoder against sessions of all kinds. */
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type Cut, decode } from './decode.ts';
import * as sessions from './transcripts.ts';
import { client, cookie, pattern, request, server, transcripts } from './transcripts.ts';

function randomCuts(seed: number): Cut {
  const random = seededRandom(seed);
  return () => 1 + Math.floor(random() < 0.8 ? random() * 40 : random() * 50_000);
}

describe.each(Object.keys(transcripts))('a session (%s)', (name) => {
  const pieces = transcripts[name] ?? [];
  const whole = decode(pieces);

  it('says the same byte by byte and at random cuts', () => {
    const cuts = [() => 1, ...[1, 2, 3, 4, 5].map(randomCuts)];
    for (const cut of cuts) {
      const { client: ofClient, server: ofServer } = decode(pieces, cut);
      expect({ ofClient, ofServer }).toEqual({ ofClient: whole.client, ofServer: whole.server });
    }
  });

  it('reads as follows', () => {
    expect([...whole.client, '---', ...whole.server].join('\n')).toMatchSnapshot();
  });
});

it('agrees with both sides on the kind of replies', () => {
  expect(decode(sessions.oldClient).decoder.mode).toBe('simple');
  expect(decode(sessions.structured).decoder.mode).toBe('structured');
  expect(decode(sessions.extended).decoder.mode).toBe('extended');
});

it('answers are given to the older of two requests with one cookie', () => {
  const { server: lines } = decode([
    ...sessions.oldstyle,
    client(request(0, 1, 0, 10)),
    client(request(0, 1, 0, 20)),
    server(sessions.oldstyle[2]?.[1] ?? pattern(0)),
    server(pattern(10)),
    server(sessions.oldstyle[2]?.[1] ?? pattern(0)),
    server(pattern(20)),
  ]);
  expect(
    lines
      .slice(3)
      .filter((line) => line.startsWith('  '))
      .map((line) => line.split(' bytes')[0]),
  ).toEqual(['  10', '  20']);
});

it('gives up on a session with too many requests in flight, and says so once', () => {
  const many = Array.from({ length: 20 }, (_, index) => client(request(0, index, 0, 10)));
  const { client: lines } = decode([...sessions.oldstyle.slice(0, 1), ...many], undefined, { requestsMax: 10 });
  expect(lines.filter((line) => line.startsWith('READ'))).toHaveLength(10);
  expect(lines.slice(10)).toEqual([
    'undecoded [more than 10 requests have no answer]',
    expect.stringMatching(/^ {2}280 bytes/),
  ]);
});

it('keeps no more of a message than it may', () => {
  const long = new Uint8Array(16 + 100_000);
  new DataView(long.buffer).setBigUint64(0, 0x4948_4156_454f_5054n);
  new DataView(long.buffer).setUint32(8, 8);
  new DataView(long.buffer).setUint32(12, 100_000);
  const { client: lines } = decode([...sessions.structured.slice(0, 2), client(long)], undefined, {
    contentBytesMax: 256,
  });
  expect(lines.at(-2)).toBe('STRUCTURED_REPLY bytes=99744 [it is too long to be read]');
});

it('random bytes never make it throw, and come out as they went in', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed);
    const pieces = Object.values(transcripts)[seed % 7] ?? [];
    const broken = pieces.map(([side, bytes]) => {
      const copy = bytes.slice();
      if (random() < 0.3) copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256);
      return [side, copy] as const;
    });
    expect(() => decode(broken, randomCuts(seed))).not.toThrow();
  }
});

it('has no request left in flight at the end of a good session', () => {
  expect(decode(sessions.structured).decoder.requestsInFlight).toBe(0);
  expect(decode([...sessions.oldstyle, client(request(0, 2, 0, 10))]).decoder.requestsInFlight).toBe(1);
  expect(cookie(1).low).toBe(1);
});
