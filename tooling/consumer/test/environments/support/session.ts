/** What programs/session.cjs prints when all went well. */
const size = 4 * 2 ** 20;

export const wentWell = { isRead: true, mapped: size, streamed: size, isEqual: true, refusal: 'ERR_NBD_OUT_OF_BOUNDS' };
