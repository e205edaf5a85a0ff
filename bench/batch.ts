import { addressOf } from './http.ts'
import { interleave, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, LoadGenerator } from './load.ts'
import { figure, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import { BATCH_CHECKS, CONNECTIONS, KEYS, keyTexts, type Route } from './workload.ts'

const BATCH: Row = {
  name: 'batch-100',
  measures: `POST /v1/check with ${BATCH_CHECKS} own keys / with one, in checks per second`,
  unit: '×',
  target: { atLeast: 20 },
}

/** What a batch saves. */
export const batch: Subject = {
  name: 'batch',
  rows: [BATCH],
  measure: (scale) => Stand.with((stand) => measure(stand, scale)),
}

async function measure(stand: Stand, scale: Scale): Promise<Map<string, Reading>> {
  const flags = ['--listen', '127.0.0.1:0', '--peer-listen', 'none']
  const node = await stand.node('bench', 'server', flags)
  const generator = new LoadGenerator(stand)
  const keys = keyTexts(KEYS)
  const turn = (route: Route) => (durationMs: number) =>
    generator.run(addressOf(node.url), route, {
      keys,
      connections: CONNECTIONS,
      durationMs,
      pids: [node.pid],
    })
  const turns = await interleave(scale, { single: turn('check'), batch: turn('batch') })
  const values = ratios(checksPerCpuSecond(turns.batch), checksPerCpuSecond(turns.single))
  const note = `${described('batch', turns.batch)}; ${described('single', turns.single)}`
  return new Map([[BATCH.name, figure(values, note)]])
}
