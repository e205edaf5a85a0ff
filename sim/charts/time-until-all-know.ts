import type { ChartSpec } from './chart-spec.ts'
import { linesAgainstN } from './lines-against-n.ts'
import type { Measured } from './measured-and-formula.ts'

/** Milliseconds from an admission until the last node knows of it, against the number of nodes. */
export function timeUntilAllKnow(series: readonly Measured[]): ChartSpec {
  return linesAgainstN({ series, valueTitle: 'time until all nodes know, ms' })
}
