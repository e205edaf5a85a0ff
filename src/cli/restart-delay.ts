/** A process that fails once is back before its clients have retried twice. */
const FIRST_MS = 500
/** One that cannot start for a reason that lasts costs little, and is back soon after that is mended. */
const MOST_MS = 30_000

/** How long to wait before a process that has failed so many times in a row is started again, in ms. */
export function restartDelayMs(failures: number): number {
  return Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1))
}
