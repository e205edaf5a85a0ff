/** After this many failures in a row the limiter is taken for dead. More: that many more deadlines are paid. */
export const CIRCUIT_FAILURES = 5
/** While it is taken for dead, it is tried this often. Less: it is noticed sooner when back, and asked more often when not. */
export const CIRCUIT_PROBE_MS = 1_000

/** Ask; do not ask; or do not wait for it, but find out whether it is back. */
export type Permit = 'ask' | 'refuse' | 'probe'

/**
 * Whether it is worth asking the limiter now. Times are monotonic milliseconds.
 *
 * Open after `CIRCUIT_FAILURES` failures in a row; then no request waits for the limiter any more, and one
 * every `CIRCUIT_PROBE_MS` is a reason to look after it in the background. Any answer closes the circuit.
 * A limiter that named a time is left alone until then, whatever others hear from it.
 */
export class Circuit {
  #failures = 0
  #probeAtMs = 0
  #quietUntilMs = Number.NEGATIVE_INFINITY

  permit(nowMs: number): Permit {
    if (nowMs < this.#quietUntilMs) return 'refuse'
    if (!this.#isOpen) return 'ask'
    if (nowMs < this.#probeAtMs) return 'refuse'
    this.#probeAtMs = nowMs + CIRCUIT_PROBE_MS
    return 'probe'
  }

  answered(): void {
    this.#failures = 0
  }

  /** `retryAfterMs`: for how long the limiter asked to be left alone. */
  failed(nowMs: number, retryAfterMs = 0): void {
    const wasOpen = this.#isOpen
    this.#failures += 1
    if (this.#isOpen && !wasOpen) this.#probeAtMs = nowMs + CIRCUIT_PROBE_MS
    if (retryAfterMs > 0) this.#quietUntilMs = Math.max(this.#quietUntilMs, nowMs + retryAfterMs)
  }

  /** Milliseconds until the limiter is asked or tried again; 0 when it would be asked now. */
  waitMs(nowMs: number): number {
    const untilMs = this.#isOpen
      ? Math.max(this.#quietUntilMs, this.#probeAtMs)
      : this.#quietUntilMs
    return Math.max(0, untilMs - nowMs)
  }

  get #isOpen(): boolean {
    return this.#failures >= CIRCUIT_FAILURES
  }
}
