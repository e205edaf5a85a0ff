import type { OnPartition } from '../../src/limiter/policy.ts'
import type { Report } from '../charts/report.ts'
import { partitionReport } from './partition-report.ts'
import { measureSplits } from './partition-runs.ts'
import { type Study, UnfitOptions } from './study.ts'

const POLICIES: readonly OnPartition[] = ['majority', 'share', 'closed', 'open']
const NODES = 10

/** What a split costs under each policy: admissions above the limit, and refusals below it. */
export const partition: Study = {
  name: 'partition',
  summary: 'a split of 30 s under each policy: what is admitted, and what is refused wrongly',
  takes: ['onPartition'],
  run(options, progress): Report {
    const nodes = options.nodes ?? NODES
    if (nodes < 2) throw new UnfitOptions(`a split takes at least 2 nodes, not ${nodes}`)
    const policies = options.onPartition === undefined ? POLICIES : [options.onPartition]
    const [floods, gentle] = measureSplits({ ...options, nodes }, policies, progress)
    return partitionReport({ ...options, nodes }, floods, gentle)
  },
}
