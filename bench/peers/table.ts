import { median } from '../interleave.ts'
import { numberText } from '../row.ts'
import type { Accuracy, Share } from './accuracy.ts'
import type { Peer } from './peer.ts'
import { against, type Speed } from './speed.ts'

/** Everything that was found out about a peer, or why nothing was. */
export interface Finding {
  readonly peer: Peer
  /** One for each way to ask it. */
  readonly speeds: readonly Speed[]
  readonly accuracy: Accuracy | undefined
  readonly skipped: string | undefined
}

const HEAD = [
  'limiter',
  'checks/s of a core: the asked process',
  'all processes',
  'p50',
  'p99',
  'accepted ÷ limit: 1 instance',
  '3 instances',
  'after a kill',
  'failed answers',
]

/** As Markdown, which people read as well. Ratios are to the first way to ask the first peer. */
export function tableOf(findings: readonly Finding[]): string[] {
  const base = findings[0]?.speeds[0]
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(HEAD),
    line(HEAD.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...findings.flatMap((finding) => rowsOf(finding, base).map(line)),
  ]
}

const EMPTY = HEAD.slice(1).map(() => '-')

function rowsOf({ peer, speeds, accuracy, skipped }: Finding, base: Speed | undefined) {
  if (skipped !== undefined) return [[`${peer.title} (skipped: ${skipped})`, ...EMPTY]]
  return speeds.map((speed, way) => [
    speed.title,
    ...speedCells(speed, base),
    ...(way === 0 ? accuracyCells(accuracy) : accuracyCells(undefined)),
  ])
}

function speedCells(speed: Speed, base: Speed | undefined): string[] {
  const core = (figure: 'own' | 'all') => {
    const ratio = median(against(speed, base, figure))
    return `${thousands(median(speed[figure]))}${Number.isNaN(ratio) ? '' : ` (${ratio.toFixed(2)}×)`}`
  }
  return [
    core('own'),
    speed.isCpuKnown ? core('all') : 'unknown',
    milliseconds(speed.p50Us),
    milliseconds(speed.p99Us),
  ]
}

function accuracyCells(accuracy: Accuracy | undefined): string[] {
  if (accuracy === undefined) return ['', '', '', '']
  const { one, three, killed, killedWhat } = accuracy
  return [
    shareText(one),
    shareText(three),
    `${shareText(killed)} (${killedWhat})`,
    failedText([...one, ...three], killed),
  ]
}

/** A key that had so much more than the limit is worth telling. */
const LARGEST_ABOVE = 0.05

function shareText(shares: readonly Share[]): string {
  const all = median(shares.map((share) => share.all))
  const largest = Math.max(...shares.map((share) => share.largest))
  const text = all.toFixed(2)
  return largest - all < LARGEST_ABOVE ? text : `${text}, a key ${largest.toFixed(2)}`
}

/** The most of all turns: after the kill, and before one if there were any. */
function failedText(calm: readonly Share[], killed: readonly Share[]): string {
  const most = (shares: readonly Share[]) => Math.max(...shares.map(({ failed }) => failed))
  const before = most(calm)
  return `${thousands(most(killed))}${before === 0 ? '' : `, ${thousands(before)} without a kill`}`
}

function milliseconds(roundsUs: readonly number[]): string {
  return `${numberText(median(roundsUs) / 1_000)} ms`
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en')
}
