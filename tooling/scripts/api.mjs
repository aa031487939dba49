/**
 * `api` of every package: the declarations that each of its entries gives to users, as a text in its folder `api`. A change of it is seen
 * in review. Without `--write` it fails when a text is not what the declarations say, so that nothing public changes by accident.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const toWrite = process.argv.includes('--write');
const folder = resolve('api');
const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.entries(exports).flatMap(([entry, target]) => reportsOf(fileOf(entry), target));
const problems = [];

mkdirSync(folder, { recursive: true });
for (const { file, types } of entries) report(`${file}.api.md`, types);
const expected = entries.map(({ file }) => `${file}.api.md`);
for (const file of readdirSync(folder).filter((one) => !expected.includes(one))) {
  if (toWrite) rmSync(`${folder}/${file}`);
  else problems.push(`api/${file} is about an entry that is gone`);
}
for (const problem of problems) process.stdout.write(`${name}: ${problem} (pnpm api writes it)\n`);
process.exitCode = problems.length > 0 ? 1 : 0;

/** `.` is `index`, `./connector` is `connector`. */
function fileOf(entry) {
  return entry === '.' ? 'index' : entry.slice(2).replaceAll('/', '-');
}

/** An entry with other declarations under another condition has a text for each, such as `index-default`. */
function reportsOf(file, target) {
  if (typeof target === 'string') return [];
  if (target.types !== undefined) return [{ file, types: target.types }];
  return Object.entries(target).flatMap(([condition, one]) => reportsOf(`${file}-${condition}`, one));
}

function report(file, types) {
  const isNew = !existsSync(`${folder}/${file}`);
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: process.cwd(),
      mainEntryPointFilePath: resolve(types),
      apiReport: {
        enabled: true,
        reportFileName: file,
        reportFolder: folder,
        reportTempFolder: resolve('.turbo/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'ES2022',
            lib: ['ES2023', 'ESNext.Disposable'],
            module: 'NodeNext',
            moduleResolution: 'NodeNext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          files: [resolve(types)],
        },
      },
      // Whether all is documented is `pnpm reference`'s to say.
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: { default: { logLevel: 'none' } },
        tsdocMessageReporting: { default: { logLevel: 'none' } },
      },
      newlineKind: 'lf',
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: resolve('package.json'),
  });
  const result = Extractor.invoke(config, {
    localBuild: toWrite,
    messageCallback: (message) => {
      if (message.logLevel === 'error') process.stderr.write(`${message.text}\n`);
      message.handled = true;
    },
  });
  if (result.errorCount > 0) problems.push(`api/${file} could not be made`);
  if (!toWrite && (isNew || result.apiReportChanged)) problems.push(`api/${file} is not what its declarations say`);
}
