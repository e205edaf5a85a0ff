import { addressOf } from './http.ts'
import { interleave, ratios } from './interleave.ts'
import { checksPerCpuSecond, described, type Loaded, LoadGenerator } from './load.ts'
import { figure, type Reading, type Row, type Scale, type Subject } from './row.ts'
import { Stand } from './stand.ts'
import { BATCH_CHECKS, CONNECTIONS, KEYS, keyTexts, type Route } from './workload.ts'

const BATCH: Row = {
  name: 'batch-100',
  measures: `POST /v1/check with ${BATCH_CHECKS} own keys / with one, in checks per second`,
  unit: '×',
  target: { atLeast: 20 },
}

const COMPACT: Row = {
  name: 'batch-100-compact',
  measures: `POST /v1/check with ${BATCH_CHECKS} own keys of one rule, answered in columns / with one, in checks per second`,
  unit: '×',
  target: { atLeast: 30 },
}

/** What a batch saves. */
export const batch: Subject = {
  name: 'batch',
  rows: [BATCH, COMPACT],
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
  const { single, batch, compact } = await interleave(scale, {
    single: turn('check'),
    batch: turn('batch'),
    compact: turn('keys'),
  })
  const saved = (name: string, many: readonly Loaded[]) =>
    figure(
      ratios(checksPerCpuSecond(many), checksPerCpuSecond(single)),
      `${described(name, many)}; ${described('single', single)}`,
    )
  return new Map([
    [BATCH.name, saved('batch', batch)],
    [COMPACT.name, saved('compact', compact)],
  ])
}
