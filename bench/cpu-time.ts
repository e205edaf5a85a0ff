import { readdirSync, readFileSync } from 'node:fs'

const NS_PER_SECOND = 1e9

/**
 * Seconds of processor time a process has used so far, all its threads together. Undefined where the
 * system does not tell: outside Linux, or with a kernel without scheduler statistics.
 */
export function cpuSeconds(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    return threads.reduce((sum, thread) => {
      return sum + runSecondsIn(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'))
    }, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** `schedstat` is three numbers: nanoseconds run, nanoseconds waited, times run. */
export function runSecondsIn(schedstat: string): number {
  return Number(schedstat.slice(0, schedstat.indexOf(' '))) / NS_PER_SECOND
}
