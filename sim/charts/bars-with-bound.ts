import { type Axis, linearAxis, logTicks, pixelOf } from './axis.ts'
import type { ChartSpec, JsonObject, Layer } from './chart-spec.ts'
import { numberText } from './number-text.ts'
import { BOLD, chart, FONT_SIZE, INK, numberFormat, PLOT, seriesColour, textAt } from './theme.ts'

export interface BarsWithBound {
  /** From top to bottom. */
  readonly bars: readonly BoundedBar[]
  /** What the length of a bar is, with its unit. */
  readonly valueTitle: string
  readonly scale?: 'linear' | 'log'
}

export interface BoundedBar {
  readonly name: string
  /** The worst that was seen. */
  readonly measured: number
  /** Without it, nothing is promised. */
  readonly bound?: number
  /** Grey, beside those that the picture is about. */
  readonly quiet?: boolean
}

const ROW = 30
const BAR = 14
const TICK = 22
const LABEL_GAP = 10
/** Pixels of the longest name; more is cut. */
const NAME_LIMIT = 280

/** The worst seen of each scenario as a bar, and its bound as a tick that the bar must not pass. */
export function barsWithBound({ bars, valueTitle, scale }: BarsWithBound): ChartSpec {
  const width = PLOT.width - 120
  const height = ROW * bars.length
  const values = bars.flatMap(({ measured, bound = measured }) => [measured, bound])
  const axis = scale === 'log' ? barLogAxis(values, width) : linearAxis(values, width)
  const position = {
    x: {
      field: 'value',
      type: 'quantitative',
      title: valueTitle,
      scale: { type: axis.type, domain: [axis.from, axis.to], nice: false },
      axis: {
        grid: true,
        domain: false,
        ticks: false,
        format: axis.type === 'log' ? ',~r' : numberFormat(axis.to),
        ...(axis.type === 'log' ? { values: logTicks(axis) } : { tickCount: 6 }),
      },
    },
    y: {
      field: 'row',
      type: 'ordinal',
      title: null,
      sort: bars.map((_, row) => row),
      scale: { type: 'band', paddingInner: 0, paddingOuter: 0 },
      axis: {
        ticks: false,
        domain: false,
        labelColor: INK.text,
        labelFontSize: FONT_SIZE,
        labelLimit: NAME_LIMIT,
        // Names may be equal, rows are not.
        labelExpr: `${JSON.stringify(bars.map(({ name }) => name))}[datum.value]`,
      },
    },
  }
  return chart(
    [
      frame(bars, axis, position),
      ...bars.flatMap((bar, row) => barLayers(bar, axis, (row + 0.5) * ROW)),
    ],
    { width, height },
  )
}

/** Draws nothing but the axes. */
function frame(
  bars: readonly BoundedBar[],
  axis: Axis,
  position: { readonly x: JsonObject; readonly y: JsonObject },
): Layer {
  return {
    data: { values: bars.map((_, row) => ({ row, value: axis.from })) },
    mark: { type: 'point', opacity: 0 },
    encoding: position,
  }
}

function barLayers({ measured, bound, quiet }: BoundedBar, axis: Axis, middle: number): Layer[] {
  const end = reach(axis, measured)
  const bar = { color: quiet === true ? INK.axis : seriesColour(0), cornerRadiusEnd: 2 }
  if (bound === undefined) {
    const label = { x: end + LABEL_GAP, y: middle }
    return [
      rect(0, end, middle, BAR, bar),
      textAt(numberText(measured), label, { color: INK.quiet }),
    ]
  }
  const limit = reach(axis, bound)
  const kept = measured <= bound
  const share = bound > 0 ? ` (${Math.floor((measured / bound) * 100)}%)` : ''
  const label = `${numberText(measured)} of ${numberText(bound)}${share}`
  return [
    rect(0, limit, middle, BAR, { color: INK.bound, opacity: 0.1 }),
    rect(0, end, middle, BAR, kept ? bar : { ...bar, color: INK.bound }),
    rect(limit - 1.25, limit + 1.25, middle, TICK, { color: INK.bound }),
    textAt(
      kept ? label : `${label}, bound broken`,
      { x: Math.max(end, limit) + LABEL_GAP, y: middle },
      kept ? { color: INK.quiet } : { color: INK.bound, fontWeight: BOLD },
    ),
  ]
}

function rect(from: number, to: number, middle: number, thick: number, style: JsonObject): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'rect', ...style },
    encoding: {
      x: { value: from },
      x2: { value: to },
      y: { value: middle - thick / 2 },
      y2: { value: middle + thick / 2 },
    },
  }
}

/** A bar needs some length to be seen: half a power of ten below the least value, where 0 lies as well. */
function barLogAxis(values: readonly number[], pixels: number): Axis {
  const positive = values.filter((value) => value > 0)
  const least = positive.reduce((a, b) => Math.min(a, b), positive[0] ?? 1)
  const most = positive.reduce((a, b) => Math.max(a, b), 1)
  const from = 10 ** Math.floor(Math.log10(least / 2))
  return { type: 'log', from, to: Math.max(most * 1.3, from * 10), pixels }
}

function reach(axis: Axis, value: number): number {
  return Math.max(0, pixelOf(axis, Math.max(value, axis.from)))
}
