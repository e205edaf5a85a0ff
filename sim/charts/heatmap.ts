import type { ChartSpec, JsonObject } from './chart-spec.ts'
import { numberText } from './number-text.ts'
import { BOLD, chart, FONT_SIZE, HEAT, INK, textAt } from './theme.ts'

export interface Heatmap {
  /** Title with unit, and the values in their order from left to right. */
  readonly columns: HeatmapAxis
  /** The same, from top to bottom. */
  readonly rows: HeatmapAxis
  /** By row, then by column. `null` where nothing was measured. */
  readonly values: readonly (readonly (number | null)[])[]
  /** What the number in a cell is, with its unit. */
  readonly valueTitle: string
  /** How many of a number's digits are shown; 3 without it. */
  readonly digits?: number
  /** `log` when the values span powers of ten. */
  readonly scale?: 'linear' | 'log'
}

export interface HeatmapAxis {
  readonly title: string
  readonly values: readonly (string | number)[]
}

const CELL = { width: 84, height: 44 } as const
/** How dark a cell has to be for light numbers to be easier to read than dark ones. */
const DARK_FROM = 0.65

/** A value over two choices, such as the gossip interval and the fanout: a number in each cell, darker for more. */
export function heatmap(data: Heatmap): ChartSpec {
  const { columns, rows } = data
  const known = data.values.flat().filter((value) => value !== null)
  const low = known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const high = known.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const depth = depthBetween(low, high, data.scale ?? 'linear')
  const cells = rows.values.flatMap((row, r) =>
    columns.values.map((column, c): JsonObject => {
      const value = data.values[r]?.[c] ?? null
      const shown = value === null ? '–' : numberText(value, data.digits)
      const deep = value === null ? 0 : depth(value)
      return {
        row: String(row),
        column: String(column),
        depth: deep,
        shown,
        measured: value !== null,
      }
    }),
  )
  const position = {
    x: ordinal('column', columns),
    y: ordinal('row', rows),
  }
  return chart(
    [
      {
        data: { values: cells.filter(({ measured }) => measured) },
        mark: { type: 'rect', cornerRadius: 3 },
        encoding: {
          ...position,
          color: {
            field: 'depth',
            type: 'quantitative',
            scale: { domain: [0, 0.5, 1], range: HEAT.fills },
            legend: null,
          },
        },
      },
      {
        data: { values: cells },
        mark: { type: 'text', fontSize: FONT_SIZE + 1, fontWeight: BOLD, baseline: 'middle' },
        encoding: {
          ...position,
          text: { field: 'shown', type: 'nominal' },
          color: {
            condition: [
              { test: '!datum.measured', value: INK.quiet },
              { test: `datum.depth >= ${DARK_FROM}`, value: HEAT.onHigh },
            ],
            value: HEAT.onLow,
          },
        },
      },
      textAt(`in each cell: ${data.valueTitle}`, { x: 0, y: -14 }, { color: INK.quiet }),
    ],
    {
      width: CELL.width * columns.values.length,
      height: CELL.height * rows.values.length,
    },
  )
}

function ordinal(field: string, { title, values }: HeatmapAxis): JsonObject {
  return {
    field,
    type: 'ordinal',
    title,
    sort: null,
    scale: { domain: values.map(String), paddingInner: 0.05, paddingOuter: 0 },
    axis: { labelAngle: 0, ticks: false, domain: false, labelFontSize: FONT_SIZE },
  }
}

/** How deep the colour of a value is, 0 to 1. */
function depthBetween(
  low: number,
  high: number,
  scale: 'linear' | 'log',
): (value: number) => number {
  const place = (value: number) =>
    scale === 'log' ? Math.log(Math.max(value, Number.MIN_VALUE)) : value
  const span = place(high) - place(low)
  return (value) => (span > 0 ? (place(value) - place(low)) / span : 0)
}
