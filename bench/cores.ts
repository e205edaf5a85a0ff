import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * Which processor a process is pinned to: the one under test has its own, and nothing else is on it. Processes on `both`
 * share them with the load.
 */
export type Core = 'server' | 'load' | 'both'

export interface Cores {
  /** The words to put before a command so that it stays on its core. */
  readonly before: (core: Core) => readonly string[]
  /** In words, for the heading. */
  readonly description: string
}

/** Pins with `taskset` where there is one and this process may use two processors; else says why not. */
export function cores(): Cores {
  const unpinned = (why: string): Cores => ({
    before: () => [],
    description: `processes not pinned: ${why}`,
  })
  if (process.platform !== 'linux') return unpinned('only Linux can')
  if (spawnSync('taskset', ['--version']).status !== 0) return unpinned('there is no taskset')
  const [server, load] = processorsAllowed(readFileSync('/proc/self/status', 'utf8'))
  if (server === undefined || load === undefined) return unpinned('there is one processor only')
  return {
    before: (core) => ['taskset', '-c', `${{ server, load, both: `${server},${load}` }[core]}`],
    description: `server pinned to processor ${server}, load to ${load}`,
  }
}

/** `Cpus_allowed_list: 0-2,5` is 0, 1, 2, 5. */
export function processorsAllowed(status: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, step) => first + step)
  })
}
