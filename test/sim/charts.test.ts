import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { admissionsOverTime } from '../../sim/charts/admissions-over-time.ts'
import { barsWithBound } from '../../sim/charts/bars-with-bound.ts'
import { chart, DARK, HEAT, INK, SERIES } from '../../sim/charts/theme.ts'
import { renderChart } from '../../sim/report/render-chart.ts'
import { sampleFigures } from './charts-samples.ts'

const schemaPath = createRequire(import.meta.url).resolve('vega-lite/vega-lite-schema.json')
const ajv = new Ajv({ strict: false, validateFormats: false })
const validate = ajv.compile(JSON.parse(readFileSync(schemaPath, 'utf8')))

/** The texts of a drawing, as a reader sees them. */
async function textsOf(id: string): Promise<string[]> {
  const figure = sampleFigures.find((it) => it.id === id)
  const svg = await renderChart(figure?.spec ?? {})
  return Array.from(svg.matchAll(/<text[^>]*>([^<]*)</g), ([, text = '']) => text)
}

describe.each(sampleFigures.map((figure) => [figure.id, figure.spec] as const))('%s', (_, spec) => {
  test('is plain JSON', () => {
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec)
  })

  test('is a specification that the schema of Vega-Lite admits', () => {
    validate(spec)
    expect(validate.errors).toBeNull()
  })

  test('compiles without a warning and draws within its frame', async () => {
    const svg = await renderChart(spec)
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 \d+ \d+"/)
    expect(svg).not.toMatch(/NaN|undefined|Infinity/)
  })
})

describe('what a drawing says', () => {
  test('admissions name each policy, the limit, the bound, every fault, and the units', async () => {
    expect(await textsOf('admissions')).toEqual(
      expect.arrayContaining([
        ...['share', 'majority', 'limit: 100 + 100/s', 'bound: limit + 267'],
        ...['split 2 / 1', 'node c killed', 'owner paused'],
        ...['time, s', 'admitted so far, tokens'],
      ]),
    )
  })

  test('overshoot names the bound and the faults', async () => {
    expect(await textsOf('overshoot')).toEqual(
      expect.arrayContaining(['majority', 'limit: 0', 'bound: 66.7', 'split 2 / 1']),
    )
  })

  test('convergence names each curve, and tells measured from formula', async () => {
    expect(await textsOf('convergence')).toEqual(
      expect.arrayContaining(['10 nodes', '1000 nodes', 'measured', 'formula', '100%']),
    )
  })

  test('a value against the number of nodes marks the sizes that were measured', async () => {
    const texts = await textsOf('all-know')
    expect(texts).toEqual(expect.arrayContaining(['3', '10', '100', '1,000', 'nodes']))
    expect(await textsOf('bytes')).toEqual(expect.arrayContaining(['sent', 'received', '10k']))
  })

  test('a heat map writes its numbers, and a dash where nothing was measured', async () => {
    expect(await textsOf('gossip')).toEqual(
      expect.arrayContaining(['530', '334', '5,300', '–', 'fanout, peers', 'gossip interval, ms']),
    )
  })

  test('a heat map leaves a cell without colour where nothing was measured', async () => {
    const figure = sampleFigures.find(({ id }) => id === 'gossip')
    const svg = await renderChart(figure?.spec ?? {})
    expect(svg.match(/fill="rgb\(/g)).toHaveLength(5)
  })

  test('bars say how much of the bound was used, and when it was broken', async () => {
    expect(await textsOf('bounds')).toEqual(
      expect.arrayContaining([
        ...['steady, 10× the limit', '0 of 0', '49.8 of 51 (97%)'],
        '187 of 183 (102%), bound broken',
      ]),
    )
    expect(await textsOf('bounds-log')).toEqual(
      expect.arrayContaining(['12,345 of 20,100 (61%)', '10,000']),
    )
  })

  test('architectures are named', async () => {
    expect(await textsOf('architectures')).toEqual(
      expect.arrayContaining(['Weir', 'central Redis', 'local split', 'accuracy']),
    )
  })

  test('the bound is drawn in a colour that nothing else has', async () => {
    const data = { series: [{ name: 'a', points: [{ x: 9, y: 9 }] }], burst: 1, ratePerS: 1 }
    expect(await renderChart(admissionsOverTime({ ...data, bound: 5 }))).toContain(INK.bound)
    expect(await renderChart(admissionsOverTime(data))).not.toContain(INK.bound)
  })

  test('a name is a text, whatever is in it', async () => {
    const name = `<b> "quoted" \\ ' & \`1\``
    const bars = [{ name, measured: 1, bound: 2 }]
    const svg = await renderChart(barsWithBound({ bars, valueTitle: 'x' }))
    expect(svg).toContain('&lt;b&gt; "quoted" \\ \' &amp; `1`')
  })

  test('an empty run draws an empty frame', async () => {
    const spec = admissionsOverTime({
      series: [{ name: 'none', points: [] }],
      burst: 1,
      ratePerS: 1,
    })
    expect(await renderChart(spec)).not.toContain('NaN')
  })
})

test('a warning of the compiler is an error, since something asked for would be missing', async () => {
  const scale = { type: 'log', zero: true }
  const layer = {
    data: { values: [{ x: 1 }] },
    mark: 'point',
    encoding: { x: { field: 'x', type: 'quantitative', scale } },
  }
  await expect(renderChart(chart([layer]))).rejects.toThrow(/zero/)
})

test('every ink has one counterpart on dark paper', () => {
  const inks = [...Object.values(INK), ...SERIES]
  expect(new Set(inks).size).toBe(inks.length)
  expect(Object.keys(DARK).sort()).toEqual([...inks].sort())
  for (const kept of [...HEAT.fills, HEAT.onLow, HEAT.onHigh]) expect(DARK).not.toHaveProperty(kept)
})
