import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'

/** The unit of times in /proc: USER_HZ, which is 100 on every Linux that Node supports. */
const TICKS_PER_SECOND = 100
const MS_PER_SECOND = 1_000

/** A benchmark beside which others use more of the machine than this is not to be relied on. */
export const BYSTANDERS_SHARE_MAX = 0.05

/**
 * How much of the machine other programs use meanwhile. They do not only take time: they empty caches, which
 * makes every contender slower, and the leaner one by the larger share.
 */
export class Bystanders {
  readonly #sinceMs = performance.now()
  readonly #before = seconds()

  /**
   * Share of all processors that was used by anything but this process and its children that have ended.
   * Undefined where the system does not tell.
   */
  share(): number | undefined {
    const after = seconds()
    if (after === undefined || this.#before === undefined) return undefined
    const used = after.machine - this.#before.machine - (after.own - this.#before.own)
    const elapsed = (performance.now() - this.#sinceMs) / MS_PER_SECOND
    return Math.max(0, used / elapsed / availableParallelism())
  }
}

interface Used {
  readonly machine: number
  readonly own: number
}

function seconds(): Used | undefined {
  if (process.platform !== 'linux') return undefined
  const read = (name: string) => readFileSync(resolve('/proc', name), 'utf8')
  return { machine: machineSecondsIn(read('stat')), own: ownSecondsIn(read('self/stat')) }
}

/** First line: `cpu`, then user, nice, system, idle, waiting, interrupts, soft interrupts, stolen. */
export function machineSecondsIn(stat: string): number {
  const [, user = 0, nice = 0, system = 0, , , hard = 0, soft = 0, stolen = 0] = stat
    .slice(0, stat.indexOf('\n'))
    .split(/ +/)
    .map(Number)
  return (user + nice + system + hard + soft + stolen) / TICKS_PER_SECOND
}

/**
 * Fields 14 to 17: user and system time, and those of children that were waited for. The second field is a
 * name that may hold blanks and brackets.
 */
export function ownSecondsIn(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
  return ticks / TICKS_PER_SECOND
}
