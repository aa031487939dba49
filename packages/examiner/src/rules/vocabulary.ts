/** The words of rules: groups, levels, modes. */
import type { HeaderMode } from '@nbdjs/interfaces';

/** How binding a rule is: `MUST` and `MUST NOT`, or `SHOULD` and `SHOULD NOT`. */
export type Level = 'MUST' | 'SHOULD';

/** The groups of rules, in the order in which they are examined. */
export const groups = [
  'greeting',
  'options',
  'tls',
  'info',
  'modes',
  'contexts',
  'requests',
  'reads',
  'status',
  'read-only',
  'writes',
  'connections',
  'ending',
  'survival',
] as const;

/** A group of rules. */
export type Group = (typeof groups)[number];

/** What a rule says, without the way to examine it. */
export interface RuleText {
  /** Its name: the rule of docs/conformance.md, a slash, and which side of it is examined, such as `S3/unknown-option`. */
  readonly id: string;
  /** The group that it belongs to. */
  readonly group: Group;
  /** What it means when a server does otherwise. */
  readonly level: Level;
  /** Heading of the section of the specification. */
  readonly section: string;
  /** What is sent to the server. */
  readonly sent: string;
  /** What the specification expects of the server. */
  readonly expected: string;
  /** Whether it changes what the export holds. */
  readonly isDestructive: boolean;
  /** Whether servers are known that it brings down: all their clients lose their connections. */
  readonly isRisky: boolean;
}

/** All modes of the transmission phase. */
export const everyMode: readonly HeaderMode[] = ['simple', 'structured', 'extended'];
/** The modes whose replies consist of chunks. */
export const chunkModes: readonly HeaderMode[] = ['structured', 'extended'];
/** The mode with requests of 64 bits. */
export const extendedMode: readonly HeaderMode[] = ['extended'];
