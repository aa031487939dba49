/**
 * The public reference of all packages (`.reports/reference/`), and the check that it is complete: every name that a door exports, and
 * every member of it, is explained; a type that a signature shows is in the reference; links lead somewhere.
 *
 * Three kinds of members need no sentence of their own: those whose type is a literal (such as what tells the variants of a union apart);
 * those of a type without a name, where the sentence stands at what has the type, or at each variant of a union; and those of a table of
 * `defineEvents`, which carries the text of each event and field as data. docs/events.md prints that text.
 *
 * `--check` writes no pages.
 */
import { readdirSync } from 'node:fs';
import { Application, Converter, Logger, LogLevel, ReflectionKind } from 'typedoc';
import { root } from './pnpm.mjs';

const isCheck = process.argv.includes('--check');

class Gaps extends Logger {
  all = [];

  log(message, level) {
    if (level >= LogLevel.Warn) this.all.push(message);
  }
}

const app = await Application.bootstrap({
  options: `${root}typedoc.json`,
  packagesRequiringDocumentation: readdirSync(`${root}packages`).map((name) => `@nbdjs/${name}`),
});
const gaps = new Gaps();
app.logger = gaps;
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, nameModules);

const project = await app.convert();
if (project !== undefined) {
  for (const one of withForeignSentence(project)) {
    app.logger.warn(
      `${one.getFriendlyFullName()} has no documentation of its own, but that of the type that it extends`,
    );
  }
  app.options.setValue('intentionallyNotDocumented', explainedElsewhere(project));
  app.validate(project);
  if (!isCheck) await app.generateOutputs(project);
}

for (const gap of gaps.all) process.stdout.write(`${gap}\n`);
if (project === undefined && gaps.all.length === 0) process.stdout.write('The reference could not be made.\n');
process.exitCode = project === undefined || gaps.all.length > 0 ? 1 : 0;

/** A door is called by what users write in `import`, not by the path of its file. */
function nameModules(context) {
  for (const module of context.project.getReflectionsByKind(ReflectionKind.Module)) {
    const [name, ...folders] = module.name.split('/').filter((part) => part !== 'src' && part !== 'index');
    module.name = ['@nbdjs', name, ...folders].join('/');
  }
}

/** TypeDoc gives an interface without a sentence that of the type which it extends, which says nothing of the interface itself. */
function withForeignSentence(project) {
  return project.getReflectionsByKind(ReflectionKind.Interface).filter(({ comment, extendedTypes = [] }) => {
    const sentences = extendedTypes.flatMap(({ reflection }) => reflection?.comment ?? []);
    return comment !== undefined && sentences.some((one) => textOf(one) === textOf(comment));
  });
}

function textOf({ summary }) {
  return summary.map(({ text }) => text).join('');
}

/** The names of members that need no sentence of their own. One name can stand for members of several variants: then all have to. */
function explainedElsewhere(project) {
  const isExplained = new Map();
  for (const member of project.getReflectionsByKind(ReflectionKind.Property)) {
    if (member.hasComment() || isInParameter(member)) continue;
    const name = member.getFriendlyFullName();
    const isElsewhere = isLiteral(member.type) || isInExplainedType(member) || isInEventTable(member);
    isExplained.set(name, isElsewhere && (isExplained.get(name) ?? true));
  }
  return [...isExplained].filter(([, isElsewhere]) => isElsewhere).map(([name]) => name);
}

/** Where a type without a name stands, there is the sentence: at its variant if the union has several, else at what has the type. */
function isInExplainedType({ parent }) {
  if (!parent?.kindOf(ReflectionKind.TypeLiteral)) return false;
  const owner = parent.parent;
  const { types = [], elementSummaries = [] } = owner?.type?.type === 'union' ? owner.type : {};
  const at = types.findIndex(({ declaration }) => declaration === parent);
  const variants = types.filter(({ declaration }) => declaration !== undefined);
  if (variants.length > 1 && !(elementSummaries[at]?.length > 0)) return false;
  return owner?.hasComment() || owner?.parent?.hasComment() || false;
}

/** The table itself, the variable, needs a sentence nevertheless. */
function isInEventTable({ parent }) {
  if (!parent?.kindOf([ReflectionKind.Variable, ReflectionKind.TypeLiteral, ReflectionKind.Property])) return false;
  if (!parent.kindOf(ReflectionKind.Variable)) return isInEventTable(parent);
  return (
    parent.type?.type === 'reference' && parent.type.reflection?.getFriendlyFullName() === '@nbdjs/kit.DefinedEvents'
  );
}

/** Members of a parameter's type are not asked for a sentence in the first place. */
function isInParameter({ parent }) {
  return parent !== undefined && (parent.kindOf(ReflectionKind.Parameter) || isInParameter(parent));
}

function isLiteral(type) {
  return type?.type === 'literal' || (type?.type === 'union' && type.types.every(isLiteral));
}
