import { type Comparison, compare } from '../compare/compare.ts'
import { compareReport } from './compare-report.ts'
import { Steps } from './steps.ts'
import { type Study, UnfitOptions } from './study.ts'

/** Weir beside the other ways to limit a rate in many places. */
export const compareStudy: Study = {
  name: 'compare',
  summary: 'Weir and other architectures on one workload, through an outage and a split',
  takes: [],
  run(options, progress) {
    const { seed, nodes } = options
    if (nodes !== undefined && nodes < 3) {
      throw new UnfitOptions(`two sides of which one is larger take at least 3 nodes, not ${nodes}`)
    }
    new Steps(1, progress).begin('all architectures')
    const comparison: Comparison = compare({ seed, ...(nodes === undefined ? {} : { nodes }) })
    return compareReport(options, comparison)
  },
}
