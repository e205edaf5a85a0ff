import type { RealNode } from '../support/real-node.ts'

/** What one node said of a member. Milliseconds since 1970. */
export interface MemberLine {
  readonly observer: string
  readonly subject: string
  readonly state: string
  readonly atMs: number
}

/** What nodes said of each other after so many lines of their logs. */
export function memberLines(
  lives: readonly RealNode[],
  since: ReadonlyMap<RealNode, number>,
): MemberLine[] {
  return lives.flatMap((life) =>
    life.log
      .slice(since.get(life) ?? 0)
      .filter((line) => line.includes('"event":"member"'))
      .map((line) => {
        const { name, state, time } = JSON.parse(line) as Record<'name' | 'state' | 'time', string>
        return { observer: life.name, subject: name, state, atMs: Date.parse(time) }
      }),
  )
}

/** How often nodes told of such an event after so many lines of their logs. */
export function linesOf(
  event: string,
  lives: readonly RealNode[],
  since: ReadonlyMap<RealNode, number>,
): number {
  const told = `"event":"${event}"`
  const lines = lives.flatMap((life) => life.log.slice(since.get(life) ?? 0))
  return lines.filter((line) => line.includes(told)).length
}

/** Lines that no node should write, whatever happens around it: errors, and what is no log line at all. */
export function complaints(
  lives: readonly RealNode[],
  since: ReadonlyMap<RealNode, number>,
): string[] {
  return lives.flatMap((life) =>
    life.log
      .slice(since.get(life) ?? 0)
      .filter((line) => !/^\{"level":"(trace|debug|info|warn)"/.test(line))
      .map((line) => `${life.name}: ${line}`),
  )
}
