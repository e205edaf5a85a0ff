import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linearAxis, logAxis, logTicks, pixelOf } from '../../sim/charts/axis.ts'
import { spreadOut } from '../../sim/charts/end-labels.ts'
import { faultLayers, lanesOf } from '../../sim/charts/fault-marks.ts'
import { freePlaces } from '../../sim/charts/free-place.ts'
import { namesBeside } from '../../sim/charts/name-beside.ts'
import { numberText } from '../../sim/charts/number-text.ts'
import { textWidth } from '../../sim/charts/text-width.ts'
import { thin } from '../../sim/charts/thin.ts'

describe('names at the ends of lines', () => {
  test('stay where they are when they are far apart', () => {
    expect(spreadOut([10, 200, 100], 16, 320)).toEqual([10, 200, 100])
  })

  test('are moved apart, keep their order, and stay above the bottom', () => {
    expect(spreadOut([318, 100, 319, 101], 16, 320)).toEqual([304, 100, 320, 116])
  })

  test('never touch', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(320), { maxLength: 12 }), (heights) => {
        const placed = spreadOut(heights, 16, 320).sort((a, b) => a - b)
        placed.slice(1).forEach((height, index) => {
          expect(height - (placed[index] ?? 0)).toBeGreaterThanOrEqual(16)
        })
      }),
    )
  })
})

describe('labels of faults', () => {
  const label = (from: number, width = 60) => ({
    text: 'x',
    from,
    to: from + width,
    mark: from,
  })

  test('share the lowest lane when there is room', () => {
    expect(lanesOf([label(0), label(100), label(200)])).toEqual([0, 0, 0])
  })

  test('go above those that start below them, so that no line goes through a text', () => {
    expect(lanesOf([label(0), label(30), label(50)])).toEqual([2, 1, 0])
  })

  test('go above a mark whose own label had to move left', () => {
    expect(lanesOf([label(100), { text: 'y', from: 90, to: 150, mark: 140 }])).toEqual([1, 0])
  })
})

test('a fault that repeats is labelled once where there is no room for more', () => {
  const axis = { type: 'linear', from: 0, to: 60, pixels: 600 } as const
  const split = (fromS: number) =>
    ({ type: 'during', label: 'split', fromS, toS: fromS + 1 }) as const
  const drawn = JSON.stringify(faultLayers([0, 1, 2, 40, 70].map(split), axis, 320))
  expect(drawn.match(/"text":"split"/g)).toHaveLength(2)
  expect(drawn.match(/"type":"rect"/g)).toHaveLength(4)
})

test('names of dots cover no other dot and no other name', () => {
  const dots = [
    { x: 100, y: 100, text: 'first' },
    { x: 125, y: 102, text: 'second' },
    { x: 90, y: 118, text: 'third' },
  ]
  const boxes = freePlaces(dots, 660).map(({ x, y, align }, index) => {
    const width = textWidth(dots[index]?.text ?? '', 12, true)
    const left = align === 'left' ? x : align === 'right' ? x - width : x - width / 2
    return { left, right: left + width, top: y - 6, bottom: y + 6 }
  })
  const overlaps = boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom),
  )
  expect(overlaps).toEqual([])
  for (const { left, right, top, bottom } of boxes) {
    expect(dots.filter(({ x, y }) => x > left && x < right && y > top && y < bottom)).toEqual([])
  }
})

test('names of curves stand beside them at half height, or elsewhere if another curve is there', () => {
  const axis = { from: 0, to: 100, pixels: 660, type: 'linear' as const }
  const share = { from: 0, to: 1, pixels: 320, type: 'linear' as const }
  const rising = (from: number, slope: number) => [
    { x: from, y: 0 },
    { x: from + 1 / slope, y: 1 },
  ]
  const [first, second] = namesBeside(
    [
      { name: 'ten nodes', points: rising(0, 0.1) },
      { name: 'hundred nodes', points: rising(5, 0.05) },
    ],
    { x: axis, y: share },
  )
  expect(second?.y).toBe(160)
  expect(first?.y).not.toBe(160)
})

describe('a thinned line', () => {
  test('is the same line if it has few points', () => {
    const points = [{ x: 1, y: 2 }]
    expect(thin(points)).toBe(points)
  })

  test('keeps its ends and its extremes, wherever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer(), { minLength: 50, maxLength: 400 }), (ys) => {
        const points = ys.map((y, x) => ({ x, y }))
        const kept = thin(points, 40)
        const all = kept.map(({ y }) => y)
        expect(kept.length).toBeLessThanOrEqual(40)
        expect(Math.max(...all)).toBe(Math.max(...ys))
        expect(Math.min(...all)).toBe(Math.min(...ys))
        expect([kept.at(0), kept.at(-1)]).toEqual([points.at(0), points.at(-1)])
        expect(kept.map(({ x }) => x)).toEqual(kept.map(({ x }) => x).sort((a, b) => a - b))
      }),
    )
  })
})

describe('axes', () => {
  test('a linear axis holds 0 and leaves room above', () => {
    expect(linearAxis([50, 100], 320)).toMatchObject({ from: 0, to: 106 })
    expect(linearAxis([-100, 100], 320)).toMatchObject({ from: -112, to: 112 })
    expect(linearAxis([], 320)).toMatchObject({ from: 0, to: 1 })
  })

  test('a logarithmic axis starts and ends at round numbers', () => {
    const axis = logAxis([0, 0.12, 7], 300)
    expect(axis).toMatchObject({ from: 0.1, to: 10 })
    expect(pixelOf(axis, 1)).toBeCloseTo(150)
    expect(logTicks(axis)).toEqual([0.1, 0.2, 0.5, 1, 2, 5, 10])
    expect(logTicks(logAxis([1, 90_000], 300))).toEqual([1, 10, 100, 1000, 10_000, 100_000])
  })
})

test('numbers are written with the digits that matter', () => {
  expect([0, 0.12345, 2.34567, 49.84, 999.6, 1234567].map((it) => numberText(it))).toEqual([
    ...['0', '0.123', '2.35', '49.8', '1,000', '1,234,567'],
  ])
})

test('wider texts are known to be wider', () => {
  expect(textWidth('mmm', 12)).toBeGreaterThan(textWidth('iii', 12))
  expect(textWidth('mmm', 12, true)).toBeGreaterThan(textWidth('mmm', 12))
  expect(textWidth('0123456789', 10)).toBeCloseTo(59.3)
})
