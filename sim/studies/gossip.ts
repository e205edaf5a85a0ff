import { gossipReport } from './gossip-report.ts'
import { measureGossip, NODES } from './gossip-runs.ts'
import { type Study, UnfitOptions } from './study.ts'

/** What the gossip interval and the fanout buy, and what they cost. */
export const gossipStudy: Study = {
  name: 'gossip',
  summary: 'gossip interval and fanout against staleness, traffic, and the death of an owner',
  takes: ['seeds'],
  run: (options, progress) => {
    const { nodes = NODES } = options
    if (nodes < 3)
      throw new UnfitOptions(`gossip needs somebody to relay it: at least 3 nodes, not ${nodes}`)
    return gossipReport({ ...options, nodes }, measureGossip(options, progress))
  },
}
