/** Everything that this workspace writes. */
import { commandsPages } from './commands-pages.ts';
import { conformancePage, conformancePath } from './conformance-page.ts';
import { diagrams, withDiagram } from './diagrams.ts';
import { environmentsPage, environmentsPath, triedEnvironments } from './environments-page.ts';
import { errorsPage, errorsPath } from './errors-page.ts';
import { eventsPage, eventsPath } from './events-page.ts';
import { heldBy } from './held-by.ts';
import { jsonPage } from './json-page.ts';
import { optionDoors } from './option-doors.ts';
import { optionsPage, optionsPath } from './options-page.ts';
import { peerOptionsPage } from './peer-options-page.ts';
import { read, type TextFile } from './repository.ts';
import { readRuleBook } from './rule-book.ts';
import { ruleSectionsPath, ruleSectionsSource } from './rule-sections.ts';

/** The files as they should be, by their paths from the root. */
export function generatedFiles(): readonly TextFile[] {
  const book = readRuleBook();
  const pages = new Map<string, string>();
  for (const one of diagrams) pages.set(one.file, withDiagram(pages.get(one.file) ?? read(one.file), one));
  return [
    { path: conformancePath, text: conformancePage(book, heldBy()) },
    { path: environmentsPath, text: environmentsPage(read(environmentsPath), triedEnvironments()) },
    { path: errorsPath, text: errorsPage() },
    { path: eventsPath, text: eventsPage() },
    ...commandsPages(),
    jsonPage(),
    { path: optionsPath, text: optionsPage(optionDoors) },
    peerOptionsPage(),
    { path: ruleSectionsPath, text: ruleSectionsSource(book) },
    ...[...pages].map(([path, text]) => ({ path, text })),
  ];
}
