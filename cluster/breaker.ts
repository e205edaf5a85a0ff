import { BREAKER_MEMORY_MS, BREAKER_MISSES, BREAKER_PROBE_MS, BREAKER_WINDOW_MS } from './limits.ts'

/**
 * Whether it is worth asking one peer now. Opens at once when the link is lost, and after
 * `BREAKER_MISSES` unanswered forwards within `BREAKER_WINDOW_MS`; while open, one check every
 * `BREAKER_PROBE_MS` is let through to see whether the peer answers again. Any answer closes it, and so
 * does a time without a miss: what happened that long ago says nothing about now.
 */
export class Breaker {
  readonly #missesMs: number[] = []
  #open = false
  #probeAtMs = 0
  #lastMissMs = 0

  get isOpen(): boolean {
    return this.#open
  }

  /** Asks for permission; while open, granting it uses up the probe. */
  allows(nowMs: number): boolean {
    if (!this.#open) return true
    if (nowMs < this.#probeAtMs) return false
    this.#probeAtMs = nowMs + BREAKER_PROBE_MS
    return true
  }

  /** Returns whether this closed the breaker. */
  answered(): boolean {
    const closes = this.#open
    this.#open = false
    if (this.#missesMs.length > 0) this.#missesMs.length = 0
    return closes
  }

  /** Returns whether time alone has closed the breaker. */
  lapse(nowMs: number): boolean {
    return this.#open && nowMs - this.#lastMissMs > BREAKER_MEMORY_MS && this.answered()
  }

  /** Returns whether this opened the breaker. */
  missed(nowMs: number): boolean {
    this.#lastMissMs = nowMs
    this.#missesMs.push(nowMs)
    while ((this.#missesMs[0] as number) < nowMs - BREAKER_WINDOW_MS) this.#missesMs.shift()
    if (this.#missesMs.length < BREAKER_MISSES) return false
    this.#missesMs.length = 0
    return this.#trip(nowMs)
  }

  unlinked(nowMs: number): boolean {
    this.#lastMissMs = nowMs
    return this.#trip(nowMs)
  }

  #trip(nowMs: number): boolean {
    const opens = !this.#open
    this.#open = true
    this.#probeAtMs = nowMs + BREAKER_PROBE_MS
    return opens
  }
}
