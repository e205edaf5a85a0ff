import { GOSSIP_INTERVAL_MS } from '../../cluster/limits.ts'
import type { Incident, Incidents } from './incidents.ts'
import type { MemberLine } from './log-lines.ts'

/** A killed node's host refuses connections, which everybody learns at once, and this is what is promised for it. */
export const KILLED_MS = 100
/** A silent one is suspected after 3 missed heartbeats, of which the last may have come just before it fell silent. */
export const SILENT_MS = 3_500
/** After this nobody has noticed. */
const UNNOTICED_MS: Readonly<Record<Noticed['what'], number>> = { killed: 5_000, silent: SILENT_MS }

const DENIED_MS = 4 * GOSSIP_INTERVAL_MS

/** What one node noticed of what was done to another. */
export interface Noticed {
  readonly what: 'killed' | 'silent'
  readonly observer: string
  readonly subject: string
  readonly tookMs: number
}

export interface Detection {
  readonly noticed: readonly Noticed[]
  /** Who should have noticed what by then, and did not. */
  readonly unnoticed: readonly string[]
}

/** What everybody else knew of each incident, and when: that a killed node is dead, that a silent one is suspect. */
export function detectionOf(
  names: readonly string[],
  incidents: readonly Incident[],
  lines: readonly MemberLine[],
): Detection {
  const noticed: Noticed[] = []
  const unnoticed: string[] = []
  for (const incident of incidents.filter(({ type }) => type !== 'left')) {
    const { name: subject, atMs, undoneMs, untilMs, type } = incident
    const what = type === 'killed' ? 'killed' : 'silent'
    const states = what === 'killed' ? ['dead'] : ['suspect', 'dead']
    const isHurt = (name: string) =>
      incidents.some((one) => one.name === name && one.atMs <= untilMs && one.untilMs >= atMs)
    for (const observer of names.filter((name) => !isHurt(name))) {
      const line = lines.find((one) => {
        const isOfIt = one.subject === subject && one.observer === observer
        return isOfIt && states.includes(one.state) && one.atMs >= atMs && one.atMs <= untilMs
      })
      if (line !== undefined) noticed.push({ what, observer, subject, tookMs: line.atMs - atMs })
      else if (undoneMs - atMs > UNNOTICED_MS[what])
        unnoticed.push(`${observer} has not noticed that ${subject} was ${type}`)
    }
  }
  return { noticed, unnoticed }
}

/**
 * Who held a node dead that answered (invariant 17). Across a cut nobody can know better; and rumours outlive a cut,
 * so that around one a false death has 4 gossip intervals to be denied.
 */
export function falseDeaths(incidents: Incidents, lines: readonly MemberLine[]): string[] {
  return lines
    .filter((line) => {
      const { state, observer, subject, atMs } = line
      if (state !== 'dead' || incidents.of(subject, atMs) !== undefined) return false
      if (incidents.of(observer, atMs)?.type === 'cut off') return false
      return !(incidents.isCut(atMs) && isDenied(line, lines))
    })
    .map(({ observer, subject, atMs }) => {
      return `${observer} held ${subject} dead, which answered, at ${new Date(atMs).toISOString()}`
    })
}

function isDenied({ observer, subject, atMs }: MemberLine, lines: readonly MemberLine[]): boolean {
  return lines.some((later) => {
    const isOfIt = later.observer === observer && later.subject === subject
    return (
      isOfIt && later.state === 'active' && later.atMs >= atMs && later.atMs <= atMs + DENIED_MS
    )
  })
}
