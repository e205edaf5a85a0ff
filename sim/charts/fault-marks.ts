import { type Axis, pixelOf } from './axis.ts'
import type { Layer } from './chart-spec.ts'
import { textWidth } from './text-width.ts'
import { FONT_SIZE, INK, textAt } from './theme.ts'

/** Something that was done to the world while a run went on, as it is drawn behind the lines. */
export type FaultMark =
  /** A split, a pause: a shaded stretch of time. */
  | {
      readonly type: 'during'
      readonly label: string
      readonly fromS: number
      readonly toS: number
    }
  /** A kill, a start: a moment. */
  | { readonly type: 'at'; readonly label: string; readonly atS: number }

/** Where a label lies, and where its mark starts, in pixels from the left. */
interface Label {
  readonly text: string
  readonly from: number
  readonly to: number
  readonly mark: number
}

const LANE_PX = 17
const LABEL_GAP_PX = 14
const ABOVE_PLOT_PX = 9

/**
 * The marks over a time axis in seconds, with labels above the plotting area. Labels that would touch go to a
 * higher lane; one that would leave the picture ends at its right edge instead; one that repeats its neighbour, as in a
 * flapping split, is left out where there is no room for it. Marks outside the axis are not drawn.
 */
export function faultLayers(faults: readonly FaultMark[], time: Axis, height: number): Layer[] {
  const left = (fault: FaultMark) => Math.max(0, pixelOf(time, startOf(fault)))
  const sorted = faults
    .filter((fault) => endOf(fault) >= time.from && startOf(fault) <= time.to)
    .toSorted((a, b) => startOf(a) - startOf(b))
  const labels: Label[] = []
  for (const fault of sorted) {
    const width = textWidth(fault.label, FONT_SIZE)
    const from = Math.max(0, Math.min(left(fault), time.pixels - width))
    const label = { text: fault.label, from, to: from + width, mark: left(fault) }
    const same = labels.findLast(({ text }) => text === label.text)
    if (same === undefined || same.to + LABEL_GAP_PX <= label.from) labels.push(label)
  }
  const lanes = lanesOf(labels)
  return [
    ...sorted.map((fault) =>
      fault.type === 'during'
        ? shade(left(fault), pixelOf(time, fault.toS), time, height)
        : rule(left(fault), 0, height, [2, 3]),
    ),
    ...labels.flatMap(({ text, from, mark }, index) => {
      const y = -ABOVE_PLOT_PX - (lanes[index] ?? 0) * LANE_PX
      return [
        rule(mark, y + FONT_SIZE / 2, 0, [1, 0]),
        textAt(text, { x: from, y }, { color: INK.quiet }),
      ]
    }),
  ]
}

/**
 * A lane for each label, 0 the lowest, given in the order of their marks. From right to left each takes the lowest lane
 * where it touches no other label, and which is above every mark that starts below it: no line goes through a text.
 */
export function lanesOf(labels: readonly Label[]): number[] {
  const lanes: number[] = []
  for (let index = labels.length - 1; index >= 0; index -= 1) {
    const label = labels[index]
    if (label === undefined) continue
    let lane = 0
    for (let other = index + 1; other < labels.length; other += 1) {
      const right = labels[other]
      if (right !== undefined && Math.min(right.from, right.mark) < label.to + LABEL_GAP_PX) {
        lane = Math.max(lane, (lanes[other] ?? 0) + 1)
      }
    }
    lanes[index] = lane
  }
  return lanes
}

function startOf(fault: FaultMark): number {
  return fault.type === 'at' ? fault.atS : fault.fromS
}

function endOf(fault: FaultMark): number {
  return fault.type === 'at' ? fault.atS : fault.toS
}

function shade(from: number, to: number, time: Axis, height: number): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'rect', color: INK.fault, opacity: 0.14 },
    encoding: {
      x: { value: from },
      x2: { value: Math.min(to, time.pixels) },
      y: { value: 0 },
      y2: { value: height },
    },
  }
}

function rule(x: number, from: number, to: number, strokeDash: readonly number[]): Layer {
  return {
    data: { values: [{}] },
    mark: { type: 'rule', color: INK.fault, strokeWidth: 1, strokeDash },
    encoding: { x: { value: x }, y: { value: from }, y2: { value: to } },
  }
}
