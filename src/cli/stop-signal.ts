import { constants } from 'node:os'

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Repeats sooner than this are the same request: the terminal signals every process in the foreground, and
 * package managers pass the signal on once more.
 */
const REPEAT_MS = 100

/** Shells report a process that a signal has ended by 128 and the signal's number. */
const SIGNAL_EXIT_BASE = 128

/**
 * Resolves with the reason when the process is asked to stop: by a signal, or because the parent that
 * started it with an IPC channel is gone. A second signal ends the process at once, after `atOnce`.
 */
export function stopRequested(atOnce: (signal: string) => void): Promise<string> {
  return new Promise((resolve) => {
    let askedAtMs: number | undefined
    for (const signal of SIGNALS) {
      process.on(signal, () => {
        askedAtMs ??= performance.now()
        resolve(signal)
        const sinceMs = performance.now() - askedAtMs
        if (sinceMs < REPEAT_MS) return
        atOnce(signal)
        process.exit(SIGNAL_EXIT_BASE + constants.signals[signal])
      })
    }
    if (process.channel) process.once('disconnect', () => resolve('parent gone'))
  })
}

/** What the parent of a worker sends when the worker is to stop. */
export const STOP_ORDER = 'stop'

/**
 * The same for a worker, which stops when its parent tells it. Signals to all processes of a terminal or of a service
 * reach workers, too, and are left to the parent: it has them leave one after the other.
 */
export function stopOrdered(): Promise<string> {
  for (const signal of [...SIGNALS, 'SIGHUP']) process.on(signal, () => undefined)
  return new Promise((resolve) => {
    process.on('message', (message) => {
      if (message === STOP_ORDER) resolve('told by the parent')
    })
  })
}
