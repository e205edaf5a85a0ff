import { comparison } from '../../sim/charts/comparison.ts'
import { renderChart } from '../../sim/report/render-chart.ts'
import { median } from '../interleave.ts'
import type { Finding } from './table.ts'
import { weir } from './weir.ts'

/** Speed against accuracy: right is fast, and a height of 1 is exact. */
export function pictureOf(findings: readonly Finding[]): Promise<string> {
  const contenders = findings.flatMap(({ peer, speeds, accuracy }) =>
    accuracy === undefined
      ? []
      : speeds.map(({ title, all }) => ({
          name: title,
          x: median(all),
          y: median(accuracy.three.map((share) => share.all)),
          highlight: peer === weir,
        })),
  )
  const spec = comparison({
    contenders,
    x: { title: 'checks/s of a core, all processes counted', scale: 'log' },
    y: { title: 'accepted ÷ limit, three instances' },
  })
  return renderChart(spec, 'Ways to limit a fleet: speed and accuracy')
}
