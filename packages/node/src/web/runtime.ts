/** Which runtime this is. */

/** Whether this is Node itself: never, in what is chosen where Node is not. */
export const isNode: boolean = false;
