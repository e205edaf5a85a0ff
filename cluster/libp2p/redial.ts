import {
  DISCOVERY_POLL_MS,
  REDIAL_GROWTH,
  REDIAL_JITTER,
  REDIAL_MS,
  REDIAL_MS_MAX,
} from './limits.ts'

/**
 * What is to come after an attempt. `resting`: reached, nothing to do until woken. `again`: not yet, or not
 * yet known. `later`: reached, but it may soon be elsewhere, too.
 */
export type Outcome = 'resting' | 'again' | 'later'

/** One attempt to reach a target. The signal aborts when nobody is interested any more. */
export type Attempt = (signal: AbortSignal) => Promise<Outcome>

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
  readonly #laterMs: number

  /** `laterMs`: the pause before an attempt that is to come `later`. */
  constructor(onError: (error: unknown) => void, laterMs: number = DISCOVERY_POLL_MS) {
    this.#onError = onError
    this.#laterMs = laterMs
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

  has(key: string): boolean {
    return this.#targets.has(key)
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
    let outcome: Outcome = 'again'
    try {
      outcome = await target.attempt(target.released.signal)
    } finally {
      target.running = false
      if (!target.released.signal.aborted) this.#continue(target, outcome)
    }
  }

  #continue(target: Target, outcome: Outcome): void {
    const { wokenAfterMs } = target
    target.wokenAfterMs = undefined
    if (wokenAfterMs !== undefined) {
      this.#schedule(target, wokenAfterMs)
    } else if (outcome === 'resting') {
      target.failures = 0
    } else if (outcome === 'later') {
      target.failures = 0
      this.#schedule(target, jittered(this.#laterMs, Math.random()))
    } else {
      this.#schedule(target, redialPauseMs(target.failures, Math.random()))
      target.failures += 1
    }
  }
}

/** Pause after `failures` earlier failures in a row; `random` in [0, 1) places it within the jitter. */
export function redialPauseMs(failures: number, random: number): number {
  const pauseMs = Math.min(REDIAL_MS_MAX, REDIAL_MS * REDIAL_GROWTH ** failures)
  return jittered(pauseMs, random)
}

function jittered(pauseMs: number, random: number): number {
  return pauseMs * (1 + REDIAL_JITTER * (2 * random - 1))
}
