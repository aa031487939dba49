#!/usr/bin/env node
/** `nbd`: the command line of nbdjs. */
// This comes first, so that it holds while the other modules are loaded.
import './disable-debugger.ts';
import { startQuickly } from './quick/launch.ts';

if (!startQuickly(process.argv.slice(2))) void import('./modules.ts');
