import { type Counter, Gauge, type Registry } from 'prom-client'
import { counters, wordsOf } from './series.ts'

/** `refused`: they could not be used, and the former ones stay. */
export type ReloadResult = 'changed' | 'unchanged' | 'refused'
const RELOAD_RESULTS = wordsOf<ReloadResult>({ changed: true, unchanged: true, refused: true })

/** Which rules are in force, and how reading them went. */
export class ConfigSeries {
  readonly #reloads: Record<ReloadResult, Counter.Internal>
  readonly #lastReload: Gauge
  readonly #configInfo: Gauge

  constructor(version: string, registers: Registry[]) {
    this.#reloads = counters(RELOAD_RESULTS, 'result', {
      name: 'rate_limiter_config_reloads_total',
      help: 'How often the rules were read again.',
      registers,
    })
    this.#lastReload = new Gauge({
      name: 'rate_limiter_config_last_reload_successful',
      help: 'Whether the rules could be used when they were last read.',
      registers,
    })
    this.#lastReload.set(1)
    this.#configInfo = new Gauge({
      name: 'rate_limiter_config_info',
      help: 'Which rules are enforced.',
      labelNames: ['version'],
      registers,
    })
    this.inForce(version)
  }

  inForce(version: string): void {
    this.#configInfo.reset()
    this.#configInfo.set({ version }, 1)
  }

  reloaded(result: ReloadResult): void {
    this.#reloads[result].inc()
    this.#lastReload.set(result === 'refused' ? 0 : 1)
  }
}
