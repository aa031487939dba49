/** Prints the names that doors export: `doors.mjs import|require DOOR...`. */
import { createRequire } from 'node:module';

const [how, ...doors] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const names = {};
for (const door of doors) {
  names[door] = Object.keys(how === 'import' ? await import(door) : require(door)).sort();
}
console.log(JSON.stringify(names));
