/** How often anything in the bucket or the queue is tried before it is given up. */
export const mostTries = 8;

const firstPauseMilliseconds = 100;
const longestPauseMilliseconds = 5000;

/** The longest wait after so many tries: each twice the one before. With all tries it comes to some eleven seconds. */
export const pauseAfter = (tried: number): number =>
  Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** (tried - 1));
