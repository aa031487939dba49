/** The rule-book: reads `docs/conformance.json`, and checks its form. */
import { read, workspaces } from './repository.ts';

/** Where the rule-book lies, from the root. */
export const ruleBookPath = 'docs/conformance.json';

export type Level = 'MUST' | 'SHOULD' | 'MAY';

/** A document that rules come from. */
export interface Source {
  readonly title: string;
  /** The page, without an anchor. */
  readonly url: string;
  /** The commit that the rules were taken from. */
  readonly revision: string;
  /** The revision in which the headings were read, where it is another one, and further remarks. */
  readonly remark?: string;
}

/** The heading of a section; two headings where each phase has its own. */
export type Section = string | { readonly handshake: string; readonly transmission: string };

interface Cited {
  readonly id: string;
  /** One or two sentences in our own words. */
  readonly text: string;
}

/** What a specification, or the behaviour of QEMU, asks for. */
export interface Rule extends Cited {
  /** Absent where the source knows no levels. */
  readonly level?: Level;
  readonly source: string;
  readonly section: Section;
  /** The workspaces that implement it. */
  readonly packages: readonly string[];
  /** The workspaces whose tests hold it: each has a test with the id in its title. */
  readonly tests?: readonly string[];
  /** Why no test holds it. */
  readonly untested?: string;
  /** What QEMU does otherwise. */
  readonly qemu?: string;
}

/** A defect that other software had; a test in some workspace checks that ours does not have it. */
export type Case = Cited;

export interface Family {
  readonly letter: string;
  readonly title: string;
}

export interface RuleBook {
  readonly sources: Readonly<Record<string, Source>>;
  readonly families: readonly Family[];
  readonly rules: readonly Rule[];
  readonly cases: readonly Case[];
}

/**
 * Reads the rule-book.
 *
 * @throws Error that names every fault in its form
 */
export function readRuleBook(): RuleBook {
  const book = JSON.parse(read(ruleBookPath)) as RuleBook;
  const faults = faultsOf(book);
  if (faults.length > 0) throw new Error(`${ruleBookPath}:\n${faults.join('\n')}`);
  return book;
}

/** What is wrong with the form of a rule-book, one line each. */
export function faultsOf(book: RuleBook): readonly string[] {
  return [
    ...book.rules.flatMap((rule) => [...faultsOfEntry(book, rule, ruleKeys), ...faultsOfRule(book, rule)]),
    ...book.cases.flatMap((one) => faultsOfEntry(book, one, caseKeys)),
    ...orderFaults(book, book.rules),
    ...orderFaults(book, book.cases),
    ...Object.entries(book.sources)
      .filter(([, { title, url, revision }]) => !isText(title) || !isText(revision) || !/^https:\/\/[^#]+$/.test(url))
      .map(([name]) => `source ${name}: expected a title, an https URL without an anchor, and a revision`),
  ];
}

/** The heading of a rule's section in a phase of the protocol. */
export function headingOf(section: Section, phase: 'handshake' | 'transmission'): string {
  return typeof section === 'string' ? section : section[phase];
}

/** The headings of a section, each once. */
export function headingsOf(section: Section): readonly string[] {
  return [...new Set([headingOf(section, 'handshake'), headingOf(section, 'transmission')])];
}

const ruleKeys = ['id', 'level', 'text', 'section', 'source', 'packages', 'tests', 'untested', 'qemu'];
const caseKeys = ['id', 'text'];
const levels: readonly unknown[] = ['MUST', 'SHOULD', 'MAY', undefined];

function faultsOfEntry({ families }: RuleBook, entry: Cited, keys: readonly string[]): readonly string[] {
  const faults: string[] = [];
  const { id, text } = entry;
  const unknown = Object.keys(entry).filter((key) => !keys.includes(key));
  if (!families.some(({ letter }) => new RegExp(`^${letter}[1-9]\\d?$`).test(id))) faults.push('is of no family');
  if (!isSentence(text)) faults.push('has a text that is no sentence');
  if (unknown.length > 0) faults.push(`has unknown properties: ${unknown.join(', ')}`);
  return faults.map((fault) => `${id} ${fault}`);
}

function faultsOfRule({ sources }: RuleBook, rule: Rule): readonly string[] {
  const faults: string[] = [];
  const { id, level, source, section, packages, tests, untested, qemu } = rule;
  if (!levels.includes(level)) faults.push(`has the level '${level}', expected MUST, SHOULD or MAY`);
  if (sources[source] === undefined) faults.push(`is of the source '${source}', which is not there`);
  if (!headingsOf(section).every(isText)) faults.push('has no section');
  if (packages.length === 0) faults.push('names no package that implements it');
  if ((tests === undefined) === (untested === undefined)) faults.push("needs either 'tests' or 'untested', not both");
  if (tests !== undefined && tests.length === 0) faults.push('names no workspace in its tests');
  if (untested !== undefined && untested.length < 20) faults.push('has no reason for being untested');
  if (qemu !== undefined && !isText(qemu)) faults.push('has nothing to say about QEMU');
  faults.push(...unknownWorkspaces(tests).map((name) => `is tested in '${name}', which is no workspace`));
  faults.push(...unknownWorkspaces(packages).map((name) => `is implemented in '${name}', which is no workspace`));
  return faults.map((fault) => `${id} ${fault}`);
}

/** Ids ascend within a family, families come in their order, and none comes twice. */
function orderFaults({ families }: RuleBook, entries: readonly Cited[]): readonly string[] {
  const rank = ({ id }: Cited): number => {
    const family = families.findIndex(({ letter }) => id.startsWith(letter));
    return family * 1000 + Number(id.slice(1));
  };
  return entries
    .filter((entry, index) => index > 0 && rank(entry) <= rank(entries[index - 1] as Cited))
    .map(({ id }) => `${id} is out of order`);
}

function unknownWorkspaces(names: readonly string[] = []): readonly string[] {
  return names.filter((name) => !workspaces.some((workspace) => workspace.name === name));
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

function isSentence(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Z`"].{10,}\.$/.test(value);
}
