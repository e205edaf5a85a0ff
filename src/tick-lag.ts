/** For how long the worst lag is remembered, and then for as long again. */
const LAG_WINDOW_MS = 10_000

/** How late the latest tick of a node came at worst, in the last ten to twenty seconds. */
export class TickLag {
  #sinceMs = 0
  #worstMs = 0
  #beforeMs = 0

  late(byMs: number, nowMs: number): void {
    if (nowMs - this.#sinceMs > LAG_WINDOW_MS) {
      this.#beforeMs = this.#worstMs
      this.#worstMs = 0
      this.#sinceMs = nowMs
    }
    this.#worstMs = Math.max(this.#worstMs, byMs)
  }

  get worstMs(): number {
    return Math.max(this.#worstMs, this.#beforeMs)
  }
}
