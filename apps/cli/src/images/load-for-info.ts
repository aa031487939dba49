/** The code that commands about servers need only for files. */
export const loadFiles = (): Promise<typeof import('./apart-for-info.ts')> => import('./apart-for-info.ts');
