import { type Axis, linearAxis, logAxis, pixelOf } from './axis.ts'
import type { ChartSpec, JsonObject, Layer } from './chart-spec.ts'
import { freePlaces, type LabelPlace } from './free-place.ts'
import { positionOf } from './line-layers.ts'
import { BOLD, chart, INK, PLOT, seriesColour, textOver } from './theme.ts'

export interface Comparison {
  readonly contenders: readonly Contender[]
  readonly x: ComparisonAxis
  readonly y: ComparisonAxis
}

export interface Contender {
  readonly name: string
  readonly x: number
  readonly y: number
  /** The one the picture is about. */
  readonly highlight?: boolean
}

export interface ComparisonAxis {
  /** What it is, with its unit. */
  readonly title: string
  readonly scale?: 'linear' | 'log'
  /** `percent` takes values from 0 to 1. */
  readonly format?: 'percent'
  /** The ends of a linear axis, for values that lie close together far from 0. */
  readonly range?: readonly [from: number, to: number]
}

/** Some ways to do the same thing by two measures, such as 99th-percentile latency and accuracy, each named. */
export function comparison({ contenders, x, y }: Comparison): ChartSpec {
  const across = axisOf(
    x,
    contenders.map((one) => one.x),
    PLOT.width,
  )
  const up = axisOf(
    y,
    contenders.map((one) => one.y),
    PLOT.height,
  )
  const dots = contenders.map((one) => ({
    text: one.name,
    x: pixelOf(across, one.x),
    y: up.pixels - pixelOf(up, one.y),
  }))
  const places = freePlaces(dots, PLOT.width)
  const colour = (one: Contender) => (one.highlight === true ? seriesColour(0) : INK.quiet)
  return chart([
    {
      data: {
        values: contenders.map((one) => ({
          x: one.x,
          y: one.y,
          colour: colour(one),
          size: one.highlight === true ? 150 : 90,
        })),
      },
      mark: { type: 'point', filled: true, opacity: 1 },
      encoding: {
        x: positionOf('x', across, x.title, { grid: true, ...formatOf(x) }),
        y: positionOf('y', up, y.title, formatOf(y)),
        color: { field: 'colour', type: 'nominal', scale: null },
        size: { field: 'size', type: 'quantitative', scale: null },
      },
    },
    ...contenders.flatMap((one, index) => {
      const place = places[index]
      const dot = dots[index]
      if (place === undefined || dot === undefined) return []
      const fontWeight = one.highlight === true ? BOLD : 400
      const style = { color: colour(one), align: place.align, fontWeight }
      return [...(place.far ? [leader(dot, place)] : []), ...textOver(one.name, place, style)]
    }),
  ])
}

/** A thin line from a dot to its name. */
function leader(dot: { readonly x: number; readonly y: number }, place: LabelPlace): Layer {
  const clear = 6
  const down = Math.sign(place.y - dot.y)
  return {
    data: { values: [{}] },
    mark: { type: 'rule', color: INK.axis, strokeWidth: 1 },
    encoding: {
      x: { value: dot.x },
      y: { value: dot.y + clear * down },
      x2: { value: place.x + (place.align === 'left' ? -2 : 2) },
      y2: { value: place.y },
    },
  }
}

/** Shares fill the axis from 0 to 1 with a little room above, so that a dot at 100 % is seen whole. */
function axisOf(
  { scale, format, range }: ComparisonAxis,
  values: readonly number[],
  pixels: number,
): Axis {
  if (range !== undefined) return { type: 'linear', from: range[0], to: range[1], pixels }
  if (scale === 'log') return logAxis(values, pixels)
  return format === 'percent'
    ? { type: 'linear', from: 0, to: 1.06, pixels }
    : linearAxis(values, pixels)
}

function formatOf({ format, range }: ComparisonAxis): JsonObject {
  if (format !== 'percent') return {}
  return range === undefined
    ? { format: '.0%', values: [0, 0.2, 0.4, 0.6, 0.8, 1] }
    : { format: '~%' }
}
