import type { Oracle } from '../oracle.ts'

/**
 * Invariant 2, read from single answers: an owner that reaches everybody, and says so by `exact`, decides by
 * the whole limit. A refusal that it blames on a partition contradicts itself.
 */
export const exactAnswers: Oracle = {
  invariant: 2,
  name: 'exact answers know no partition',
  watch({ found }) {
    return {
      answered({ node, by, answer, request }) {
        if (answer.type !== 'answer' || by !== node || answer.decidedBy !== 'owner') return
        const isPartition =
          answer.reason === 'partition_share' || answer.reason === 'partition_closed'
        if (answer.consistency !== 'exact' || !isPartition) return
        found(`${node} refused ${request.key} with ${answer.reason}, and called that exact`)
      },
    }
  },
}
