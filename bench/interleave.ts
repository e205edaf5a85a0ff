/**
 * Comparing by turns: A B A B ... on one machine, so that whatever disturbs it (other programs, heat, a
 * neighbour of the same host) disturbs all contenders alike. Rounds are many and short, because a virtual
 * machine's speed wanders by a third within seconds. A ratio is taken within each round and the median over
 * rounds is what counts; the least and the most tell how far to trust it.
 */

/** What one contender yields in a turn of so long. */
export type Contender<Yield> = (turnMs: number) => Promise<Yield>

/** How often to go round, and how long a turn is. */
export interface Rounds {
  readonly rounds: number
  readonly roundMs: number
  /** The first turn of each contender, long enough for its compiler to be done. */
  readonly warmUpMs: number
}

/**
 * Lets every contender run once per round, in the order given, after one turn each to warm up, whose
 * result is thrown away.
 */
export async function interleave<Name extends string, Yield>(
  { rounds, roundMs, warmUpMs }: Rounds,
  contenders: Readonly<Record<Name, Contender<Yield>>>,
): Promise<Record<Name, Yield[]>> {
  const names = Object.keys(contenders) as Name[]
  const yields = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Yield[]
  >
  for (let round = 0; round <= rounds; round++) {
    for (const name of names) {
      const result = await contenders[name](round === 0 ? warmUpMs : roundMs)
      if (round > 0) yields[name].push(result)
    }
  }
  return yields
}

/** One figure out of many rounds. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) }
}

/** The middle value, or the mean of the two in the middle; of nothing it is NaN. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** `of / to`, round by round: both lists are of the same rounds. */
export function ratios(of: readonly number[], to: readonly number[]): number[] {
  if (of.length !== to.length) {
    throw new RangeError(`${of.length} rounds cannot be compared with ${to.length}`)
  }
  return of.map((value, round) => value / (to[round] ?? Number.NaN))
}
