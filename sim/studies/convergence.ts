import { convergenceReport } from './convergence-report.ts'
import { measureConvergence } from './convergence-runs.ts'
import { type Study, UnfitOptions } from './study.ts'

/** How long it takes until every node knows what one of them admitted. */
export const convergenceStudy: Study = {
  name: 'convergence',
  summary: 'how long until all nodes know of an admission, by size, under loss, and after a split',
  takes: ['seeds'],
  run: (options, progress) => {
    const { nodes = 3 } = options
    if (nodes < 3)
      throw new UnfitOptions(`news needs somebody to relay it: at least 3 nodes, not ${nodes}`)
    return convergenceReport(options, measureConvergence(options, progress))
  },
}
