/** Servers that break a rule: each is found, under the right rule, with the bytes that show it. */
import { describe, expect, it } from 'vitest';
import { type ExamineOptions, examineServer, excerptLine, type Finding, toJUnit, type Verdict } from '../src/index.ts';
import { changing, replacing, type Tamper, tamperedServer } from './tampering.ts';

/** First bytes: a reply to the unknown option, to INFO, and the three forms of replies. */
const unknownReply = '0003e889045565a96e626401';
const infoReply = '0003e889045565a900000006000000030000000c';
const simple = '67446698';
const structured = '668e33ef';
const extended = '6e8a278c';

interface Case {
  readonly what: string;
  readonly tamper: Tamper;
  readonly rule: string;
  readonly mode?: string;
  readonly verdict: Verdict;
  readonly text: RegExp;
  readonly brokenRule?: string;
}

const cases: readonly Case[] = [
  {
    what: 'a handshake flag that is not defined',
    tamper: replacing('49484156454f50540003', '49484156454f50540083'),
    rule: 'S1/flags',
    verdict: 'broken',
    text: /0x83/,
  },
  {
    what: 'a magic number of option replies that is wrong',
    tamper: replacing('0003e889045565a9', '0003e889045565aa'),
    rule: 'S3/unknown-option',
    verdict: 'broken',
    text: /expected the magic/,
  },
  {
    what: 'an unknown option that is acknowledged',
    tamper: replacing(`${unknownReply}80000001`, `${unknownReply}80000003`),
    rule: 'S3/unknown-option',
    verdict: 'discouraged',
    text: /ERR_INVALID.*expected ERR_UNSUP/,
  },
  {
    what: 'a server that hangs up at an unknown option',
    tamper: (bytes) => (bytes.includes(Buffer.from(unknownReply, 'hex')) ? undefined : bytes),
    rule: 'S3/unknown-option',
    verdict: 'broken',
    text: /ended the connection instead of sending a reply/,
  },
  {
    what: 'a server that does not answer an unknown option',
    tamper: (bytes) => (bytes.includes(Buffer.from(unknownReply, 'hex')) ? Buffer.alloc(0) : bytes),
    rule: 'S3/unknown-option',
    verdict: 'inconclusive',
    text: /did not come within 250 ms/,
  },
  {
    what: 'a size in INFO that is not that of GO',
    tamper: changing(infoReply, 22, '0000000000000000'),
    rule: 'S8/same',
    verdict: 'broken',
    text: /INFO has the size 0, and GO 1048576/,
  },
  {
    what: 'cookies that are not those of the requests',
    tamper: changing(simple, 8, 'ff'),
    rule: 'S42/whole',
    mode: 'simple',
    verdict: 'broken',
    text: /belongs to no request in flight/,
    brokenRule: 'S37',
  },
  {
    what: 'a wrong number for an unknown command',
    tamper: replacing(`${simple}00000016`, `${simple}0000005f`),
    rule: 'S56/unknown-command',
    mode: 'simple',
    verdict: 'discouraged',
    text: /ENOTSUP, expected EINVAL/,
  },
  {
    what: 'data that lie outside of the read',
    tamper: changing(`${structured}0001`, 20, 'f0'),
    rule: 'S42/whole',
    mode: 'structured',
    verdict: 'broken',
    text: /outside of the request/,
    brokenRule: 'S41',
  },
  {
    what: 'a read that is not covered by its chunks',
    // The hole of the first MiB becomes 512 bytes shorter: 0xf0000 is what follows the data.
    tamper: replacing('0000000000010000000f0000', '0000000000010000000efe00'),
    rule: 'S42/whole',
    mode: 'structured',
    verdict: 'broken',
    text: /no chunk covers/,
  },
  {
    what: 'extended replies that name another offset',
    tamper: changing(extended, 16, 'ff'),
    rule: 'S42/whole',
    mode: 'extended',
    verdict: 'broken',
    text: /names the offset/,
    brokenRule: 'S70',
  },
  {
    what: 'an empty extent',
    tamper: changing(`${structured}00010005`, 24, '00000000'),
    rule: 'S62/whole',
    mode: 'structured',
    verdict: 'broken',
    text: /is empty/,
  },
];

const options: ExamineOptions = { timeoutMs: 250 };

async function findingOf({ tamper, rule, mode }: Case): Promise<Finding> {
  const report = await examineServer(await tamperedServer(tamper), { ...options, only: [rule] });
  return report.findings.find((finding) => mode === undefined || finding.mode === mode) as Finding;
}

describe('a server with a fault', () => {
  it.each(cases)('is found out: $what', async (one) => {
    const { verdict, text, brokenRule, evidence } = await findingOf(one);
    expect(text).toMatch(one.text);
    expect([verdict, brokenRule]).toEqual([one.verdict, one.brokenRule]);
    expect(evidence.some(({ by }) => by === 'server')).toBe(true);
    expect(evidence.every(({ hex }) => hex.length <= 128)).toBe(true);
  });

  it('is blamed for nothing when the bytes arrive as they were sent', async () => {
    const only = [...new Set(cases.map(({ rule }) => rule))];
    const { counts } = await examineServer(await tamperedServer((bytes) => bytes), { ...options, only });
    expect(counts.kept).toBeGreaterThan(only.length);
    expect({ ...counts, kept: 0, 'not applicable': 0 }).toEqual({
      kept: 0,
      broken: 0,
      discouraged: 0,
      'not applicable': 0,
      inconclusive: 0,
    });
  });

  it('ends an examination that its caller ends, and one without a server', async () => {
    const abort = new AbortController();
    const server = await tamperedServer(() => Buffer.alloc(0));
    const examination = examineServer(server, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error('enough')), 50);
    await expect(examination).rejects.toThrow('enough');
    const nobody = { open: () => Promise.reject(new Error('nobody is there')) };
    await expect(examineServer(nobody)).rejects.toThrow('nobody is there');
  });

  it('goes on to the end when the server is gone, and says so', async () => {
    let count = 0;
    const server = await tamperedServer((bytes) => bytes);
    const open: typeof server.open = (how) => {
      if (++count > 30) throw new Error('refused');
      return server.open(how);
    };
    const { findings, counts } = await examineServer({ ...server, open }, options);
    expect(findings.length).toBeGreaterThan(240);
    expect(counts.broken).toBe(0);
    expect(findings.at(-2)?.text).toMatch(/does not accept connections any more/);
  });

  it('is reported for build servers, with the bytes', async () => {
    const [first] = cases as [Case];
    const report = await examineServer(await tamperedServer(first.tamper), { ...options, only: ['greeting'] });
    const xml = toJUnit(report);
    expect(xml).toMatch(/^<\?xml[^\n]*\n<testsuites name="nbd check tampered" tests="\d+" failures="1"/);
    expect(xml).toContain('<failure type="MUST" message="the handshake flags are 0x83');
    expect(xml).toContain('S: 4e42444d 41474943 49484156 454f5054 0083');
    expect(xml.match(/<testcase /g)).toHaveLength(report.findings.length);
    expect(excerptLine({ by: 'server', connection: 2, length: 9, hex: '0001020304' })).toBe(
      'S(2): 00010203 04 ... (9 bytes)',
    );
  });
});
