/** All about images that the scripts of single commands do not have (`tsup.config.ts`): what both loaders import. */
export * from './apart.ts';
export * from './apart-for-info.ts';
