/**
 * One axis of a plotting area: which values lie along how many pixels. Vega draws the axis; we hold it as well,
 * because labels are put beside lines, and kept apart, in pixels.
 */
export interface Axis {
  readonly type: 'linear' | 'log'
  readonly from: number
  readonly to: number
  readonly pixels: number
}

/** Room beyond the outermost values, as a share of what they span. */
const ROOM = 0.06

/** Where a value lies, in pixels from the side of `from`. */
export function pixelOf(axis: Axis, value: number): number {
  const place = (it: number) => (axis.type === 'log' ? Math.log(it) : it)
  const span = place(axis.to) - place(axis.from)
  return span === 0 ? 0 : ((place(value) - place(axis.from)) / span) * axis.pixels
}

/** From 0, for times. */
export function timeAxis(end: number, pixels: number): Axis {
  return { type: 'linear', from: 0, to: end > 0 ? end : 1, pixels }
}

/** A linear axis that holds all values and 0, with some room above the largest. */
export function linearAxis(values: readonly number[], pixels: number): Axis {
  const top = largest(values, 0)
  const bottom = smallest(values, 0)
  const room = (top - bottom) * ROOM
  const to = top === bottom ? 1 : top + room
  return { type: 'linear', from: bottom === 0 ? 0 : bottom - room, to, pixels }
}

/** A logarithmic axis that holds all values above 0, from and to 1, 2 or 5 times a power of ten. */
export function logAxis(values: readonly number[], pixels: number): Axis {
  const positive = values.filter((value) => value > 0)
  const top = largest(positive, 0)
  if (top === 0) return { type: 'log', from: 1, to: 10, pixels }
  const bottom = smallest(positive, top)
  const steps = roundSteps(bottom / 10, top * 10)
  const from = steps.findLast((step) => step <= bottom * 0.95) ?? bottom
  const to = steps.find((step) => step >= top * 1.05) ?? top
  return { type: 'log', from, to, pixels }
}

/** Where the numbers of a logarithmic axis stand: at powers of ten, or also at 2 and 5 times these if it is short. */
export function logTicks({ from, to }: Axis): number[] {
  const inside = roundSteps(from, to).filter((step) => step >= from && step <= to)
  return inside.length <= 9 ? inside : inside.filter((step) => isPowerOfTen(step))
}

export function largest(values: readonly number[], atLeast: number): number {
  // Not Math.max(...values): a trace has more points than a call may have arguments.
  return values.reduce((a, b) => Math.max(a, b), atLeast)
}

export function smallest(values: readonly number[], atMost: number): number {
  return values.reduce((a, b) => Math.min(a, b), atMost)
}

/** 1, 2 and 5 times each power of ten, from below `from` to above `to`. */
function roundSteps(from: number, to: number): number[] {
  const steps: number[] = []
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power += 1) {
    // From text, so that .1 is .1 and not .10000000000000002.
    steps.push(Number(`1e${power}`), Number(`2e${power}`), Number(`5e${power}`))
  }
  return steps
}

function isPowerOfTen(value: number): boolean {
  return Number(`1e${Math.round(Math.log10(value))}`) === value
}
