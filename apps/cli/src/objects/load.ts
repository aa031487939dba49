/** Loads the code for disks in stores of objects, which few command lines need. */
export const loadObjects = () => import('./apart.ts');
