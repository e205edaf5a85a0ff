import { REDIAL_GROWTH, REDIAL_JITTER, REDIAL_MS, REDIAL_MS_MAX } from './limits.ts'

/**
 * One attempt to reach a target. `resting`: reached, nothing to do until woken. `again`: not yet, or not
 * yet known. The signal aborts when nobody is interested any more.
 */
export type Attempt = (signal: AbortSignal) => Promise<'resting' | 'again'>

interface Target {
  readonly attempt: Attempt
  readonly released: AbortController
  failures: number
  running: boolean
  /** Woken during an attempt, whose result may be stale by now. */
  wokenAfterMs: number | undefined
  timer: NodeJS.Timeout | undefined
}

/**
 * Keeps trying. libp2p dials once and never reconnects by itself after a cut; this loop does, for every
 * peer and every seed, one attempt at a time each, with growing and jittered pauses.
 */
export class RedialLoop {
  readonly #targets = new Map<string, Target>()
  readonly #onError: (error: unknown) => void

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** From now on, keep attempting to reach `key`. */
  keep(key: string, attempt: Attempt, afterMs: number): void {
    this.release(key)
    const target: Target = {
      attempt,
      released: new AbortController(),
      failures: 0,
      running: false,
      wokenAfterMs: undefined,
      timer: undefined,
    }
    this.#targets.set(key, target)
    this.#schedule(target, afterMs)
  }

  /** What was reached is lost, or may be elsewhere: attempt anew, with short pauses again. */
  wake(key: string, afterMs: number): void {
    const target = this.#targets.get(key)
    if (target === undefined) return
    target.failures = 0
    if (target.running) target.wokenAfterMs = afterMs
    else this.#schedule(target, afterMs)
  }

  release(key: string): void {
    const target = this.#targets.get(key)
    if (target === undefined) return
    this.#targets.delete(key)
    clearTimeout(target.timer)
    target.released.abort()
  }

  stop(): void {
    for (const key of [...this.#targets.keys()]) this.release(key)
  }

  #schedule(target: Target, afterMs: number): void {
    clearTimeout(target.timer)
    target.timer = setTimeout(() => {
      this.#run(target).catch(this.#onError)
    }, afterMs)
  }

  async #run(target: Target): Promise<void> {
    target.running = true
    let outcome: 'resting' | 'again' = 'again'
    try {
      outcome = await target.attempt(target.released.signal)
    } finally {
      target.running = false
      if (!target.released.signal.aborted) this.#continue(target, outcome)
    }
  }

  #continue(target: Target, outcome: 'resting' | 'again'): void {
    const { wokenAfterMs } = target
    target.wokenAfterMs = undefined
    if (wokenAfterMs !== undefined) {
      this.#schedule(target, wokenAfterMs)
    } else if (outcome === 'resting') {
      target.failures = 0
    } else {
      this.#schedule(target, redialPauseMs(target.failures, Math.random()))
      target.failures += 1
    }
  }
}

/** Pause after `failures` earlier failures in a row; `random` in [0, 1) places it within the jitter. */
export function redialPauseMs(failures: number, random: number): number {
  const pauseMs = Math.min(REDIAL_MS_MAX, REDIAL_MS * REDIAL_GROWTH ** failures)
  return pauseMs * (1 + REDIAL_JITTER * (2 * random - 1))
}
