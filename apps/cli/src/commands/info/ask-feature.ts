/** The answers to `--can` and its other spellings. */
import { TransmissionFlag } from '@nbdjs/client';
import type { ExportInspector } from '@nbdjs/connection';
import { argumentError } from '../../errors/argument-error.ts';
import type { InfoOptions } from './command.ts';
import { type FeatureSource, featureSource } from './features.ts';

/** Finds out whether the answer is yes. The export is asked about only where it matters. */
export type Feature = (inspector: ExportInspector, exportName: string) => boolean | Promise<boolean>;

/** Returns the question that the options ask, if they ask one. */
export function requestedFeature({ features = {} }: InfoOptions): Feature | undefined {
  const [question, another] = Object.values(features);
  if (another !== undefined) throw argumentError('only one feature can be asked about at a time');
  if (question === undefined) return undefined;
  const { feature, isNegated } = question;
  const source = featureSource(feature);
  if (source === undefined) {
    const options = isNegated ? '--cannot/--isnt/--hasnt' : '--can/--is/--has';
    throw argumentError(`unknown ${options} option: ${feature}`);
  }
  return async (inspector, exportName) => (await ask(source, inspector, exportName)) !== isNegated;
}

async function ask(source: FeatureSource, inspector: ExportInspector, exportName: string): Promise<boolean> {
  switch (source) {
    case 'always':
      return true;
    case 'tls':
      return inspector.tls;
    case 'structured':
      return inspector.mode !== 'simple';
    case 'extended':
      return inspector.mode === 'extended';
    case 'writable':
      return !(await hasFlag('ReadOnly', inspector, exportName));
    default:
      return await hasFlag(source, inspector, exportName);
  }
}

async function hasFlag(flag: keyof typeof TransmissionFlag, inspector: ExportInspector, exportName: string) {
  const { transmissionFlags } = await inspector.facts(exportName);
  return (transmissionFlags & TransmissionFlag[flag]) !== 0;
}
