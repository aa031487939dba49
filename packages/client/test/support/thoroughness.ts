/** Whether places are tried that are much like others, which takes ten minutes: `NBDJS_CHAOS=full` asks for it. */
export const isThorough = process.env.NBDJS_CHAOS === 'full';

/** For one test, in milliseconds. */
export const timeoutMs = isThorough ? 3_600_000 : 60_000;
