/** `docs/events.md`, from the tables of events. */
import type { EventField } from '@nbdjs/kit';
import { eventSets } from './event-sets.ts';

export const eventsPath = 'docs/events.md';

const head = `# Events

What nbdjs publishes while it works, on the channels \`nbdjs:<package>:<event>\` of \`node:diagnostics_channel\`. An event without a
subscriber costs next to nothing: its payload is not even made. \`pnpm generate\` writes this page from the tables in \`events.ts\` of each
package; \`pnpm check\` fails when the two differ.

\`\`\`ts
import { subscribe } from 'node:diagnostics_channel';
import type { ConnectionEvents } from '@nbdjs/connection';

subscribe('nbdjs:connection:failed', (message) => {
  const { endpoint, attempt, error } = message as ConnectionEvents['failed'];
  console.error(\`\${endpoint}: attempt \${attempt} failed: \${error.message}\`);
});
\`\`\`

A payload is an object with the fields below and no others; subscribers share it, and do not change it. The channel says which event it is.
\`error\` is what was thrown, \`wireError\` a number of the protocol. Fields with a question mark may be absent.
Types with a capital letter are those of the package, of \`@nbdjs/interfaces\` or of \`@nbdjs/handshake\`.
`;

export function eventsPage(): string {
  return [head, ...eventSets.map(section)].join('\n');
}

function section({ events, doc }: (typeof eventSets)[number]): string {
  const { packageName, definitions } = events;
  const typeName = `${packageName.slice(0, 1).toUpperCase()}${packageName.slice(1)}Events`;
  const rows = Object.entries(definitions).flatMap(([name, event]) => [
    `### nbdjs:${packageName}:${name}`,
    '',
    event.doc,
    '',
    '| field | type | unit | meaning |',
    '| --- | --- | --- | --- |',
    ...Object.entries(event.fields).map(([field, data]) => row(field, data)),
    '',
  ]);
  return [
    `## ${packageName}`,
    '',
    `${doc} TypeScript: \`${typeName}\` of \`@nbdjs/${packageName}\`.`,
    '',
    ...rows,
  ].join('\n');
}

function row(name: string, { type, unit, isOptional, doc }: EventField<unknown>): string {
  return `| \`${name}${isOptional ? '?' : ''}\` | ${type.replaceAll("'", '`')} | ${unit ?? ''} | ${doc} |`;
}
