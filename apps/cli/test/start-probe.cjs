/** Loaded before the program: writes which of Node's modules were loaded in the end. */
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  const all = process.moduleLoadList.filter((name) => name.startsWith('NativeModule '));
  const names = all.map((name) => name.slice('NativeModule '.length)).filter((name) => !name.startsWith('internal/'));
  writeFileSync(process.env.NBDJS_START_REPORT, JSON.stringify(names));
});
