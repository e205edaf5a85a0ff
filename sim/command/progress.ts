import { cpuUsage } from 'node:process'
import type { JobProgress } from './job.ts'
import { countText, durationText } from './number-text.ts'
import type { Screen } from './screen.ts'

const SHOW_EVERY_MS = 200

/** Adds up what runs have done, and shows it while they do. */
export class Progress {
  readonly #screen: Screen
  readonly #underWay: () => JobProgress
  readonly #startMs = performance.now()
  readonly #cpuAtStart = cpuUsage()
  readonly #timer: NodeJS.Timeout
  #share: () => number = () => 0
  #done = 0
  #events = 0
  #virtualMs = 0

  constructor(screen: Screen, underWay: () => JobProgress) {
    this.#screen = screen
    this.#underWay = underWay
    this.#timer = setInterval(() => this.#show(), SHOW_EVERY_MS).unref()
  }

  get done(): number {
    return this.#done
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs
  }

  /** How much is done, in [0, 1]: for the time left. */
  measureBy(share: () => number): void {
    this.#share = share
  }

  add({ events, virtualMs }: JobProgress): void {
    this.#done += 1
    this.#events += events
    this.#virtualMs += virtualMs
  }

  end(): void {
    clearInterval(this.#timer)
    this.#screen.clear()
  }

  /** What it took, in one line. A core's share is by processor time, whatever else the machine did. */
  get summary(): string {
    const { user, system } = cpuUsage(this.#cpuAtStart)
    const cpuS = (user + system) / 1_000_000
    const seconds = this.elapsedMs / 1_000
    return [
      `${countText(this.#done)} runs`,
      `${countText(this.#events)} events`,
      `${durationText(this.#virtualMs)} of virtual time in ${durationText(this.elapsedMs)}`,
      `${countText(this.#events / seconds)} events/s`,
      `${countText(this.#events / cpuS)} events per second of processor time`,
    ].join(', ')
  }

  #show(): void {
    const now = this.#underWay()
    const events = this.#events + now.events
    const share = Math.min(1, this.#share())
    const leftMs = share > 0 ? (this.elapsedMs / share) * (1 - share) : undefined
    const words = [
      `${countText(this.#done)} runs`,
      `${countText((events * 1_000) / this.elapsedMs)} events/s`,
      `${durationText(this.#virtualMs + now.virtualMs)} of virtual time`,
      leftMs === undefined ? '' : `${durationText(leftMs)} left`,
    ]
    this.#screen.show(words.filter((word) => word !== '').join('   '))
  }
}
