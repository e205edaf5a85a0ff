import type { RealNode } from '../support/real-node.ts'

/** What one node said of a member. Milliseconds since 1970. */
export interface MemberLine {
  readonly observer: string
  readonly subject: string
  readonly state: string
  readonly atMs: number
}

type Since = ReadonlyMap<RealNode, number>

/** What nodes said of each other after so many lines of their logs. */
export function memberLines(lives: readonly RealNode[], since: Since): MemberLine[] {
  return linesOf('member', lives, since).map(({ observer, line }) => {
    const { name, state, time } = JSON.parse(line) as Record<'name' | 'state' | 'time', string>
    return { observer, subject: name, state, atMs: Date.parse(time) }
  })
}

/** What nodes told of such events after so many lines of their logs. */
export function linesOf(event: string, lives: readonly RealNode[], since: Since) {
  const told = `"event":"${event}"`
  return linesSince(lives, since).filter(({ line }) => line.includes(told))
}

/** Lines that no node should write, whatever happens around it: errors, and what is no log line at all. */
export function complaints(lives: readonly RealNode[], since: Since): string[] {
  return linesSince(lives, since)
    .filter(({ line }) => !/^\{"level":"(trace|debug|info|warn)"/.test(line))
    .map(({ observer, line }) => `${observer}: ${line}`)
}

function linesSince(lives: readonly RealNode[], since: Since) {
  return lives.flatMap((life) => {
    return life.log.slice(since.get(life) ?? 0).map((line) => ({ observer: life.name, line }))
  })
}
