import { COPIES, GOSSIP_INTERVAL_MS, SCOPED_ABOVE } from '../cluster/limits.ts'
import { numberText } from './row.ts'

/** What a node does in a second. */
export interface Use {
  readonly bytesPerS: number
  /** Of one core; not known of a simulated node. */
  readonly cpuShare?: number
}

/** Of one node, in the mean of all: with nothing to tell, and with so many keys in use that it owns. */
export interface Measured {
  readonly nodes: number
  readonly quiet: Use
  readonly busy: Use
}

/** Bytes that the counts of one key may take in a frame. */
const ENTRY_BYTES = 32
/** A broadcast reaches each node so often: once from every neighbour in the mesh. */
const RELAYS = 3

/**
 * What a node may hear, and so in the mean send, of other nodes' counts in a second:
 *
 *     publishers · copies · keys · 32 B / g
 *
 * Up to 16 nodes each hears all others, over relays; of more, each is told of what two others' worth of keys
 * it holds, straight from their owners.
 */
export function formulaBytesPerS(nodes: number, keys: number): number {
  const isScoped = nodes > SCOPED_ABOVE
  const publishers = isScoped ? COPIES - 1 : nodes - 1
  const copies = isScoped ? 1 : Math.min(RELAYS, nodes - 1)
  return (publishers * copies * keys * ENTRY_BYTES * 1_000) / GOSSIP_INTERVAL_MS
}

/** What having something to tell adds. */
export function countBytes({ quiet, busy }: Measured): number {
  return busy.bytesPerS - quiet.bytesPerS
}

export function againstFormula(measured: Measured, keys: number): number {
  return countBytes(measured) / formulaBytesPerS(measured.nodes, keys)
}

const HEAD = [
  'nodes',
  'kB/s idle',
  'kB/s more for counts',
  'formula, kB/s',
  'counts ÷ formula',
  '% of a core idle',
  '% of a core busy',
]

/** As Markdown. */
export function fleetTable(all: readonly Measured[], keys: number): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [
    line(HEAD),
    line(HEAD.map(() => '---:')),
    ...all.map((one) =>
      line([
        one.quiet.cpuShare === undefined ? `${one.nodes} (simulated)` : String(one.nodes),
        numberText(one.quiet.bytesPerS / 1_000),
        numberText(countBytes(one) / 1_000),
        numberText(formulaBytesPerS(one.nodes, keys) / 1_000),
        againstFormula(one, keys).toFixed(2),
        percentText(one.quiet),
        percentText(one.busy),
      ]),
    ),
  ]
}

function percentText({ cpuShare }: Use): string {
  return cpuShare === undefined ? '' : numberText(100 * cpuShare)
}
