/** Which events the sources publish. */
import ts from 'typescript';
import type { TextFile } from './repository.ts';

/** What publishes an event by its name: `emit` of a trace, and private methods that call it. */
const publishing = /([tT]race\.emit|this\.#(publish|trace))$/;

/** What the function of kit publishes for each channel that it is given. */
const ofChannels = { name: 'announceChannel', events: ['connected', 'closed'] };

/** The names of events in the calls that publish them. Calls that hand on an event by a variable have none. */
export function publishedEvents({ path, text }: TextFile): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && publishing.test(node.expression.getText())) {
      const [name] = node.arguments;
      if (name !== undefined && ts.isStringLiteralLike(name)) found.push(name.text);
    }
    if (ts.isCallExpression(node) && node.expression.getText() === ofChannels.name) found.push(...ofChannels.events);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}
