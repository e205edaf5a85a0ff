import { type Axis, largest, linearAxis, logAxis, logTicks, smallest } from './axis.ts'
import type { ChartSpec, JsonObject } from './chart-spec.ts'
import { positionOf } from './line-layers.ts'
import {
  formulaKey,
  type Measured,
  measuredDots,
  measuredLines,
  namesAtEnds,
} from './measured-and-formula.ts'
import { chart, PLOT } from './theme.ts'

export interface LinesAgainstN {
  /** Number of nodes against the value. */
  readonly series: readonly Measured[]
  /** What the value is, with its unit. */
  readonly valueTitle: string
  /** `percent` takes values from 0 to 1. Otherwise plain numbers. */
  readonly format?: 'percent'
  readonly scale?: 'linear' | 'log'
  /** The ends of a linear axis; otherwise it holds 0 and all values. */
  readonly range?: readonly [from: number, to: number]
}

const TICKS_MAX = 8

/** A value against the number of nodes, on a logarithmic axis: measured dots, and the formula dashed. */
export function linesAgainstN(data: LinesAgainstN): ChartSpec {
  const { series, range } = data
  const all = series.flatMap(({ points, formula = [] }) => [...points, ...formula])
  const nodes = nodesAxis(all.map(({ x }) => x))
  const values = all.map(({ y }) => y)
  const fitted =
    data.scale === 'log' ? logAxis(values, PLOT.height) : linearAxis(values, PLOT.height)
  const y: Axis = range === undefined ? fitted : { ...fitted, from: range[0], to: range[1] }
  const format: JsonObject = data.format === 'percent' ? { format: '~%' } : {}
  const position = {
    x: positionOf('x', nodes, 'nodes', {
      format: ',~r',
      values: nodeTicks(series, nodes),
    }),
    y: positionOf('y', y, data.valueTitle, format),
  }
  return chart([
    ...measuredLines(series, position),
    ...measuredDots(series, position, y),
    // One line needs no name beside the axis title.
    ...(series.length > 1 ? namesAtEnds(series, PLOT, y) : []),
    ...formulaKey(series),
  ])
}

/** A little wider than the clusters, so that the first and the last dot stand free. */
function nodesAxis(counts: readonly number[]): Axis {
  const most = largest(counts, 1)
  const least = smallest(counts, most)
  const room = Math.max(1.1, (most / least) ** 0.03)
  return { type: 'log', from: least / room, to: most * room, pixels: PLOT.width }
}

/** The sizes that were measured, unless they are too many to write side by side. */
function nodeTicks(series: readonly Measured[], nodes: Axis): number[] {
  const sizes = new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))
  return sizes.size <= TICKS_MAX ? [...sizes].sort((a, b) => a - b) : logTicks(nodes)
}
