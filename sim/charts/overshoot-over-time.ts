import { type Axis, largest, linearAxis, pixelOf, timeAxis } from './axis.ts'
import type { ChartSpec, Layer } from './chart-spec.ts'
import { type EndLabel, endLabels } from './end-labels.ts'
import { type FaultMark, faultLayers } from './fault-marks.ts'
import { endHeight, lineLayer, positionOf, type Series } from './line-layers.ts'
import { numberText } from './number-text.ts'
import { chart, DASH, INK, PLOT, seriesColour } from './theme.ts'

export interface OvershootOverTime {
  /** Seconds against the level of the ideal meter minus the burst, in tokens: above 0 is overshoot. */
  readonly series: readonly Series[]
  /** Tokens; without it no bound is drawn. */
  readonly bound?: number
  readonly faults?: readonly FaultMark[]
}

/** The overshoot of each moment: 0 is what an ideal limiter reaches at most, and the bound what is promised. */
export function overshootOverTime(data: OvershootOverTime): ChartSpec {
  const { series, bound } = data
  const ends = series.flatMap(({ points }) => points.slice(-1))
  const time = timeAxis(
    largest(
      ends.map(({ x }) => x),
      0,
    ),
    PLOT.width,
  )
  const y = linearAxis(
    [...series.flatMap(({ points }) => points.map((point) => point.y)), bound ?? 0],
    PLOT.height,
  )
  const position = {
    x: positionOf('x', time, 'time, s'),
    y: positionOf('y', y, 'level above the burst, tokens'),
  }
  const across = (height: number) => [
    { x: time.from, y: height },
    { x: time.to, y: height },
  ]
  const labels: EndLabel[] = [
    ...(bound === undefined
      ? []
      : [
          {
            text: `bound: ${numberText(bound)}`,
            colour: INK.bound,
            y: endHeight(across(bound), y),
          },
        ]),
    { text: 'limit: 0', colour: INK.ideal, y: endHeight(across(0), y) },
    ...series.map(({ name, points }, index) => ({
      text: name,
      colour: seriesColour(index),
      y: endHeight(points, y),
    })),
  ]
  return chart([
    ...faultLayers(data.faults ?? [], time, PLOT.height),
    ...(bound === undefined ? [] : [allowedRoom(y, bound)]),
    lineLayer(across(0), position, { color: INK.ideal, strokeWidth: 1.5 }),
    ...(bound === undefined
      ? []
      : [
          lineLayer(across(bound), position, {
            color: INK.bound,
            strokeWidth: 1.5,
            strokeDash: DASH,
          }),
        ]),
    ...series.map(({ points }, index) =>
      lineLayer(points, position, { color: seriesColour(index) }),
    ),
    ...endLabels(labels, PLOT),
  ])
}

function allowedRoom(y: Axis, bound: number): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'rect', color: INK.bound, opacity: 0.07 },
    encoding: {
      x: { value: 0 },
      x2: { value: PLOT.width },
      y: { value: y.pixels - pixelOf(y, bound) },
      y2: { value: y.pixels - pixelOf(y, 0) },
    },
  }
}
