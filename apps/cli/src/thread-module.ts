/** The modules of threads. */

/** Returns the module of this name beside another one: in one folder in the sources, and in what is built of them. */
export function moduleBeside(url: string, name: string): URL {
  return new URL(`./${name}${url.endsWith('.ts') ? '.ts' : '.js'}`, url);
}
