/** The code of images, which is loaded only when there is an image: most commands never need it. */
export const loadImages = (): Promise<typeof import('./apart.ts')> => import('./apart.ts');
