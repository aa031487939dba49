/** The reference of all packages, as pages of the site. */
import { fileURLToPath } from 'node:url';
import { Application, type Context, Converter, ReflectionKind, type TypeDocOptions } from 'typedoc';
import type { PluginOptions } from 'typedoc-plugin-markdown';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const markdown: Partial<PluginOptions> = {
  entryFileName: 'index.md',
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: 'table',
  typeDeclarationFormat: 'table',
  propertiesFormat: 'table',
  interfacePropertiesFormat: 'table',
  // All of them are read-only, and where they come from is no business of a reader.
  tableColumnSettings: { hideModifiers: true, hideSources: true, hideOverrides: true, hideInherited: true },
  // Text in angle brackets is text, for Vue as well.
  sanitizeComments: true,
};

/**
 * Writes a page for each name that a package exports.
 *
 * @throws Error when TypeDoc cannot read the sources
 */
export async function writeReference(folder: string): Promise<void> {
  const options: Partial<TypeDocOptions> = {
    options: `${root}typedoc.json`,
    // TypeDoc would look for it beside itself, where not every installation has it.
    plugin: [fileURLToPath(import.meta.resolve('typedoc-plugin-markdown'))],
    logLevel: 'Error',
    out: folder,
  };
  const app = await Application.bootstrapWithPlugins({ ...options, ...markdown });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, nameModules);
  const project = await app.convert();
  if (project === undefined) throw new Error('the reference could not be made; pnpm reference says why');
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error('the reference is not whole: TypeDoc has printed what is wrong');
}

/** A package is called by what users write in `import`, not by the path of its file. */
function nameModules(context: Context): void {
  for (const module of context.project.getReflectionsByKind(ReflectionKind.Module)) {
    const folders = module.name.split('/').filter((part) => part !== 'src' && part !== 'index');
    module.name = ['@nbdjs', ...folders].join('/');
  }
}
